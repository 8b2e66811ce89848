//! The messages in the code: the literals of the operator's source files that people can see.

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use regex::Regex;
use syn::{
    Attribute, Expr, ExprLit, ExprMethodCall, File, ImplItemFn, Item, Lit, LitStr, Macro, Meta,
    Pat, Token, Variant,
    parse::{ParseStream, Parser as _},
    token,
    visit::{self, Visit},
};
use testbed::drift::file;

/// How a message reaches people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// The text of an error.
    Error,
    /// A line of the log.
    Log,
    /// Anything else: a condition, an Event, an answer, a part of one of these.
    Text,
}

/// A message in the code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Message {
    pub(super) way: Way,
    /// The source file below `src`.
    pub(super) place: String,
    /// The error's name, or the log's level.
    pub(super) what: String,
    pub(super) text: String,
}

/// A placeholder of a format string.
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{[^{}]*\}").unwrap());

/// Methods that compare their argument with a text, which is then not shown.
const COMPARE: [&str; 9] = [
    "strip_prefix",
    "strip_suffix",
    "split_once",
    "starts_with",
    "ends_with",
    "contains",
    "trim_end_matches",
    "replace",
    "append_pair",
];

/// Source files that only tests compile.
const TESTS: [&str; 4] = [
    "tests.rs",
    "simulation.rs",
    "testing.rs",
    "kube_state_metrics.rs",
];

struct Finder {
    place: String,
    /// The item or variant around.
    name: String,
    found: BTreeSet<Message>,
}

impl Finder {
    fn note(&mut self, way: Way, what: &str, text: String) {
        self.found.insert(Message {
            way,
            place: self.place.clone(),
            what: what.to_owned(),
            text,
        });
    }

    fn note_prose(&mut self, text: String) {
        if is_prose(&text) {
            self.note(Way::Text, "", text);
        }
    }

    fn note_errors(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            if let Meta::List(list) = &attribute.meta
                && list.path.is_ident("error")
                && let Ok(texts) = literals.parse2(list.tokens.clone())
                && let Some((_, text)) = texts.into_iter().next()
                && text.contains(' ')
            {
                let name = self.name.clone();
                self.note(Way::Error, &name, text);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Mod(item) => (&item.attrs, None),
            Item::Use(_) => return,
            Item::Fn(item) => (&item.attrs, None),
            Item::Impl(item) => (&item.attrs, None),
            Item::Const(item) => (&item.attrs, None),
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name {
            self.name = name.to_string();
            self.note_errors(attributes);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_variant(&mut self, variant: &'ast Variant) {
        let around = std::mem::replace(&mut self.name, variant.ident.to_string());
        self.note_errors(&variant.attrs);
        self.name = around;
    }

    /// What is compared with a pattern is not shown.
    fn visit_pat(&mut self, _: &'ast Pat) {}

    /// Attributes hold rules of the schema, which the CRDs show, and reasons of lints.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.visit_expr(&call.receiver);
        let compares = COMPARE.iter().any(|method| call.method == method);
        for argument in &call.args {
            if !(compares && matches!(argument, Expr::Lit(_))) {
                self.visit_expr(argument);
            }
        }
    }

    fn visit_expr_lit(&mut self, literal: &'ast ExprLit) {
        if let Lit::Str(text) = &literal.lit {
            self.note_prose(text.value());
        }
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let Ok(texts) = called.parse_body_with(literals) else {
            return;
        };
        let segments = &called.path.segments;
        let name = segments.last().map(|last| last.ident.to_string());
        let name = name.unwrap_or_default();
        if segments
            .first()
            .is_some_and(|first| first.ident == "tracing")
        {
            let message = texts.into_iter().rev().find(|(is_field, _)| !is_field);
            if let Some((_, text)) = message {
                self.note(Way::Log, &name, text);
            }
        } else if !["matches", "env", "panic", "json", "include_str"].contains(&&*name) {
            // A macro of macros: what it logs may be one word.
            let logs = called.tokens.to_string().contains("tracing ::");
            for (is_field, text) in texts {
                if logs && !is_field {
                    self.note(Way::Text, "", text);
                } else {
                    self.note_prose(text);
                }
            }
        }
    }
}

/// The literals in a macro's tokens, and whether each is the value of a field.
fn literals(input: ParseStream<'_>) -> syn::Result<Vec<(bool, String)>> {
    let (mut found, mut is_field) = (Vec::new(), false);
    while !input.is_empty() {
        let inside;
        if input.peek(LitStr) {
            found.push((is_field, input.parse::<LitStr>()?.value()));
        } else if input.peek(token::Paren) {
            syn::parenthesized!(inside in input);
            found.extend(literals(&inside)?);
        } else if input.peek(token::Brace) {
            syn::braced!(inside in input);
            found.extend(literals(&inside)?);
        } else if input.peek(token::Bracket) {
            syn::bracketed!(inside in input);
            found.extend(literals(&inside)?);
        } else {
            is_field = input.peek(Token![=]);
            input.step(|cursor| {
                let next = cursor.token_tree();
                next.map_or(Err(cursor.error("a token")), |(_, rest)| Ok(((), rest)))
            })?;
            continue;
        }
        is_field = false;
    }
    Ok(found)
}

/// Whether a person could read `text` as prose: two words next to each other, or a word beside a placeholder.
pub(super) fn is_prose(text: &str) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| ".,;:()'\"`".contains(c));
        word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic() || c == '\'')
    };
    let bare = PLACEHOLDER.replace_all(text, "");
    let words: Vec<_> = bare.split(' ').map(is_word).collect();
    let beside_a_placeholder = bare != text && text.contains(' ') && words.contains(&true);
    beside_a_placeholder || words.windows(2).any(|pair| pair[0] && pair[1])
}

/// Whether only tests compile what has these attributes.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The messages of the source file `text` at `place`.
pub(super) fn of_file(place: &str, text: &str) -> BTreeSet<Message> {
    let mut finder = Finder {
        place: place.to_owned(),
        name: String::new(),
        found: BTreeSet::new(),
    };
    let code: File = syn::parse_str(text).unwrap_or_else(|error| panic!("{place}: {error}"));
    if !is_for_tests(&code.attrs) {
        finder.visit_file(&code);
    }
    finder.found
}

/// The messages of all source files, except `shown`, whose texts the CRDs show, and those that only tests compile.
pub(super) fn all(shown: &[&str]) -> BTreeSet<Message> {
    fn collect(folder: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if !["tests", "simulation", "testing"].contains(&&*name) {
                    collect(&path, into);
                }
            } else if path.extension().is_some_and(|end| end == "rs") && !TESTS.contains(&&*name) {
                into.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    let root = file("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    let root = format!("{}/", root.to_str().unwrap());
    let files = paths
        .iter()
        .map(|path| (path.strip_prefix(&root).unwrap(), path));
    files
        .filter(|(place, _)| !shown.contains(place))
        .flat_map(|(place, path)| of_file(place, &fs::read_to_string(path).unwrap()))
        .collect()
}
