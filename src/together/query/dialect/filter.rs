//! The forms of the state filter.

use super::strikes::About;
use crate::together::wire::state;

/// A form of the state filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateFilter {
    /// No filter: every state is listed.
    None,
    /// `state=A&state=B`, as in the reference page.
    Repeated(Vec<String>),
    /// `state=A,B`, as the SDKs send.
    Comma(Vec<String>),
}

impl StateFilter {
    /// The requested states; empty means all.
    #[must_use]
    pub fn states(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::Repeated(states) | Self::Comma(states) => states,
        }
    }

    /// Whether a server that honors the filter returns this state.
    #[must_use]
    pub fn admits(&self, state: &str) -> bool {
        matches!(self, Self::None) || self.states().iter().any(|asked| asked == state)
    }

    /// The forms for these states, best first. Each is for a server that rejects (400) the one before. Dropping states
    /// comes before changing the form: first those that this version does not know, so that one rejected state costs no
    /// other, then those that are not on the reference page.
    pub(crate) fn fallbacks(asked: &[String]) -> Vec<Self> {
        let those = |wanted: fn(&str) -> bool| {
            let those = asked.iter().filter(|state| wanted(state));
            those.cloned().collect::<Vec<_>>()
        };
        let mut sets = vec![
            asked.to_vec(),
            those(state::is_known),
            those(state::is_reference),
        ];
        sets.dedup();
        sets.retain(|states| !states.is_empty());
        let repeated = sets.iter().cloned().map(Self::Repeated);
        // A single value looks the same in both forms.
        let comma = sets
            .iter()
            .filter(|set| set.len() > 1)
            .cloned()
            .map(Self::Comma);
        repeated.chain(comma).chain([Self::None]).collect()
    }

    /// The best other form for `asked`, for a server that does not understand this one: comma-separated if the states
    /// were repeated, otherwise no filter.
    pub(super) fn other_form(&self, asked: &[String]) -> Self {
        let mut fallbacks = Self::fallbacks(asked).into_iter();
        let comma = matches!(self, Self::Repeated(_))
            .then(|| fallbacks.find(|form| matches!(form, Self::Comma(_))));
        comma.flatten().unwrap_or(Self::None)
    }

    /// One word for how these states, sorted, are requested; `why`: the reason, if they are not.
    pub(crate) fn word(&self, why: About, asked: &[String]) -> &'static str {
        let all = self.states().len() == asked.len();
        let newer = self
            .states()
            .iter()
            .any(|state| !state::is_reference(state));
        match (self, all, newer) {
            (Self::None, ..) => match why {
                About::Ignored => "ignored",
                About::Lacking => "lacking",
                About::Refused | About::Names => "refused",
            },
            (Self::Repeated(_), true, _) => "repeated",
            (Self::Repeated(_), false, true) => "repeated-known",
            (Self::Repeated(_), false, false) => "repeated-reference",
            (Self::Comma(_), true, _) => "comma",
            (Self::Comma(_), false, true) => "comma-known",
            (Self::Comma(_), false, false) => "comma-reference",
        }
    }
}
