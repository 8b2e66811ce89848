//! How a listing asks for states.

use crate::together::wire::state;

/// How a listing asks for states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateFilter {
    /// Not at all: every state is listed.
    None,
    /// `state=A&state=B`, as in the reference page.
    Repeated(Vec<String>),
    /// `state=A,B`, as the SDKs send.
    Comma(Vec<String>),
}

impl StateFilter {
    /// The states asked for; empty: all.
    #[must_use]
    pub fn states(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::Repeated(states) | Self::Comma(states) => states,
        }
    }

    /// Whether a server that heeds the filter lists this state.
    #[must_use]
    pub fn admits(&self, state: &str) -> bool {
        matches!(self, Self::None) || self.states().iter().any(|asked| asked == state)
    }

    /// The ways to ask for these states, best first: each is for a server that refuses (400)
    /// the one before. Fewer states come before another form: those that this program knows, so that one refused
    /// unknown state costs no other, then the reference page's alone.
    pub(crate) fn ladder(asked: &[String]) -> Vec<Self> {
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
        // one value alone looks the same in both forms
        let comma = sets
            .iter()
            .filter(|set| set.len() > 1)
            .cloned()
            .map(Self::Comma);
        repeated.chain(comma).chain([Self::None]).collect()
    }

    /// The best way to ask for `asked` in another form than this one, for a server that does not understand this one:
    /// joined by commas where the states were repeated, else not at all.
    pub(super) fn other_form(&self, asked: &[String]) -> Self {
        let mut ladder = Self::ladder(asked).into_iter();
        let comma = matches!(self, Self::Repeated(_))
            .then(|| ladder.find(|rung| matches!(rung, Self::Comma(_))));
        comma.flatten().unwrap_or(Self::None)
    }
}
