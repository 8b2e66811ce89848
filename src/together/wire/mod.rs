//! Responses: the bodies of the Together API, parsed so that one odd item does not affect the others.

pub mod decode;
pub mod linked_alert;
pub mod page;
pub mod remediation;
pub mod state;
