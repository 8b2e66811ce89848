//! The chart, by the real Helm 3 and Helm 4: what it renders, and what becomes of that on a real API server with Pod Security
//! "restricted". There is no node: the operator runs as a process with the arguments and the account of its Deployment.

pub(crate) mod helm;
mod hook;
mod kustomize;
pub(crate) mod lifecycle;
mod nulls;
mod numbers;
mod openshift;
mod policy;
mod proxy;
mod readme;
mod release;
mod renamed;
mod render;
mod rights;
mod rollout;
mod scopes;
pub(crate) mod selectors;
mod stage;
mod strings;
pub(crate) mod switches;
mod umbrella;
mod upgrade;
mod valid;
mod values;
