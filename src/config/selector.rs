//! Parses a label selector in Kubernetes' syntax.

use std::collections::BTreeSet;

use kube::core::{Expression, Selector};

use crate::mirror::labels::is_valid;

const EXAMPLE: &str = "must be a label selector such as shard=b or 'shard notin (b,c)', in the syntax of kubectl --selector";

/// The selector in `text`.
///
/// # Errors
/// What to set instead.
pub(super) fn parse(text: &str) -> Result<Selector, String> {
    let expressions: Option<Vec<_>> = requirements(text).into_iter().map(requirement).collect();
    let expressions = expressions.ok_or(EXAMPLE)?;
    Ok(expressions.into_iter().collect())
}

/// The parts between commas, except for commas in parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut within = false;
    text.split(|character| {
        match character {
            '(' => within = true,
            ')' => within = false,
            _ => {}
        }
        character == ',' && !within
    })
    .map(str::trim)
    .collect()
}

fn requirement(text: &str) -> Option<Expression> {
    if let Some(key) = text.strip_prefix('!') {
        return Some(Expression::DoesNotExist(key_of(key)?));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Expression::NotEqual(key_of(key)?, value_of(value)?));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Expression::Equal(key_of(key)?, value_of(value)?));
    }
    let Some((before, values)) = text.split_once('(') else {
        return Some(Expression::Exists(key_of(text)?));
    };
    let values = values.strip_suffix(')')?.split(',');
    let values = values.map(value_of).collect::<Option<BTreeSet<_>>>()?;
    let (key, operator) = before.trim().split_once(char::is_whitespace)?;
    let key = key_of(key)?;
    match operator.trim() {
        "in" => Some(Expression::In(key, values)),
        "notin" => Some(Expression::NotIn(key, values)),
        _ => None,
    }
}

/// The key of a label or an annotation: a name, with an optional domain and slash before it.
pub(super) fn key_of(text: &str) -> Option<String> {
    let text = text.trim();
    let (domain, name) = match text.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, text),
    };
    let good = is_valid(name) && domain.is_none_or(super::is_subdomain);
    good.then(|| text.to_owned())
}

/// A label's value, which may be empty.
pub(super) fn value_of(text: &str) -> Option<String> {
    let text = text.trim();
    (text.is_empty() || is_valid(text)).then(|| text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use kube::core::SelectorExt;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn every_form_is_read_as_kubernetes_reads_it() {
        let none = labels(&[]);
        let (a, b) = (labels(&[("shard", "a")]), labels(&[("shard", "b")]));
        let (odd, two) = (
            labels(&[("example.com/shard", "")]),
            labels(&[("shard", "b"), ("tier", "x")]),
        );
        let all = [&none, &a, &b, &odd, &two];
        for (text, expected) in [
            ("shard=b", [false, false, true, false, true]),
            (" shard == b ", [false, false, true, false, true]),
            ("shard!=b", [true, true, false, true, false]),
            ("shard in (a, b)", [false, true, true, false, true]),
            ("shard notin (b)", [true, true, false, true, false]),
            ("shard", [false, true, true, false, true]),
            ("!shard", [true, false, false, true, false]),
            ("example.com/shard=", [false, false, false, true, false]),
            ("shard in (a,b),tier=x", [false, false, false, false, true]),
            ("shard,!tier", [false, true, true, false, false]),
        ] {
            let selector = parse(text).unwrap();
            assert_eq!(
                all.map(|labels| selector.matches(labels)),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_an_example() {
        for text in [
            "",
            " ",
            ",",
            "shard=b,",
            "=b",
            "shard=b c",
            "shard=b=c",
            "-shard",
            "shard(a)",
            "shard in a",
            "shard in (a",
            "shard in (a))",
            "shard gt (1)",
            "a/b/c=d",
            "UPPER.com/x=y",
            "shard in (a,b) c",
            "!",
            "!a=b",
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains("shard=b"), "{text}: {refused}");
        }
    }
}
