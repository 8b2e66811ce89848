//! Which spelling of the query the API understands. Pure.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::answer::ApiError;
use super::listing::{Order, Question};
use super::remediation::{MODES, NEWER_STATES, PAGE_STATES, TRIGGERS};

/// Items on a page where none are asked for; the API's own figure is not documented.
const DEFAULT_PAGE_SIZE: usize = 50;
/// The most that one page holds; asking for more gets this many.
const MAX_PAGE_SIZE: usize = 1000;

/// The query's parameter names. Others are ignored without a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// `pageSize`, `pageToken`, `orderBy`: the reference page.
    #[default]
    Camel,
    /// `page_size`, `page_token`, `order_by`, and the filters `mode` and `trigger`: the SDKs.
    Snake,
    /// All of them.
    Both,
}

/// How more than one value is asked for: of `state`, `mode` and `trigger`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum StateForm {
    /// `state=A&state=B`; a comma answers 400.
    #[default]
    Repeated,
    /// `state=A,B`; a repeated key answers 400.
    Comma,
    /// Repeated keys, commas, or both in one query; empty values are left out.
    Either,
    /// The filter does nothing.
    Ignored,
}

/// The API's dialect; by default that of the reference page, with the newer states known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Dialect {
    /// Names of the query's parameters.
    pub names: Names,
    /// Form of the state filter.
    pub state_form: StateForm,
    /// States that the filter knows; any other answers 400.
    pub states: BTreeSet<String>,
}

impl Default for Dialect {
    fn default() -> Self {
        let states = PAGE_STATES.iter().chain(&NEWER_STATES);
        Self {
            names: Names::default(),
            state_form: StateForm::default(),
            states: states.map(ToString::to_string).collect(),
        }
    }
}

/// A list call's query, understood.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) question: Question,
    pub(super) page_size: usize,
    pub(super) token: Option<String>,
}

impl Dialect {
    /// Reads a query; refuses what the API refuses, ignores what it ignores.
    pub(super) fn read(
        &self,
        cluster: &str,
        instance: &str,
        query: &[(String, String)],
    ) -> Result<ListQuery, ApiError> {
        let mut read = ListQuery {
            question: Question {
                cluster: cluster.to_owned(),
                instance: (instance != "-").then(|| instance.to_owned()),
                states: BTreeSet::new(),
                modes: BTreeSet::new(),
                triggers: BTreeSet::new(),
                order: Order::default(),
            },
            page_size: DEFAULT_PAGE_SIZE,
            token: None,
        };
        let (mut states, mut modes, mut triggers) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in query {
            match self.meaning(name) {
                Some(Parameter::PageSize) => read.page_size = page_size(value)?,
                Some(Parameter::PageToken) => {
                    read.token = (!value.is_empty()).then(|| value.clone());
                }
                Some(Parameter::OrderBy) => read.question.order = order(value)?,
                Some(Parameter::State) => states.push(value.as_str()),
                Some(Parameter::Mode) => modes.push(value.as_str()),
                Some(Parameter::Trigger) => triggers.push(value.as_str()),
                None => {}
            }
        }
        let question = &mut read.question;
        question.states = self.filter("state", &states, |state| self.states.contains(state))?;
        question.modes = self.filter("mode", &modes, |mode| MODES.contains(&mode))?;
        question.triggers =
            self.filter("trigger", &triggers, |trigger| TRIGGERS.contains(&trigger))?;
        Ok(read)
    }

    fn meaning(&self, name: &str) -> Option<Parameter> {
        let camel = self.names != Names::Snake;
        let snake = self.names != Names::Camel;
        match name {
            "state" => Some(Parameter::State),
            "pageSize" if camel => Some(Parameter::PageSize),
            "pageToken" if camel => Some(Parameter::PageToken),
            "orderBy" if camel => Some(Parameter::OrderBy),
            "page_size" if snake => Some(Parameter::PageSize),
            "page_token" if snake => Some(Parameter::PageToken),
            "order_by" if snake => Some(Parameter::OrderBy),
            "mode" if snake => Some(Parameter::Mode),
            "trigger" if snake => Some(Parameter::Trigger),
            _ => None,
        }
    }

    /// What a filter lets through; empty: all.
    fn filter(
        &self,
        name: &str,
        values: &[&str],
        known: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<String>, ApiError> {
        let split = || values.iter().flat_map(|value| value.split(','));
        let values: Vec<&str> = match self.state_form {
            StateForm::Ignored => return Ok(BTreeSet::new()),
            StateForm::Repeated => values.to_vec(),
            StateForm::Comma if values.len() > 1 => {
                return Err(ApiError::invalid(&format!("{name}: one value is expected")));
            }
            StateForm::Comma => split().collect(),
            StateForm::Either => split().filter(|value| !value.is_empty()).collect(),
        };
        match values.iter().find(|value| !known(value)) {
            Some(value) => Err(ApiError::invalid(&format!("{name}: unknown value {value}"))),
            None => Ok(values.into_iter().map(str::to_owned).collect()),
        }
    }
}

enum Parameter {
    PageSize,
    PageToken,
    OrderBy,
    State,
    Mode,
    Trigger,
}

fn page_size(value: &str) -> Result<usize, ApiError> {
    match value.parse::<usize>() {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(ApiError::invalid("pageSize: not a number from 0 up")),
    }
}

fn order(value: &str) -> Result<Order, ApiError> {
    if value.is_empty() {
        return Ok(Order::default());
    }
    Order::parse(value).ok_or_else(|| ApiError::invalid("orderBy: unknown field or direction"))
}
