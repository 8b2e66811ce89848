//! The paths in a file's code, each from where to where.

use std::sync::LazyLock;

use regex::Regex;
use syn::{
    Attribute, File, ImplItemFn, Item, ItemMod, ItemUse, Macro, Meta, MetaList, UseTree,
    visit::{self, Visit},
};

/// What macros and attributes take need be no Rust: a path in it is found by its looks.
static PATH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:crate|super|self)(?:\s*::\s*\w+)+").unwrap());

/// What the program calls the library.
const LIBRARY: &str = "together_remediation_operator";

/// A path of the code: where it is written, and from which module to what it leads.
pub(super) struct Arrow {
    pub(super) file: String,
    pub(super) from: Vec<String>,
    pub(super) to: Vec<String>,
}

/// Finds the arrows of one module, and the modules below it that have files of their own.
struct Finder<'a> {
    file: &'a str,
    module: Vec<String>,
    arrows: Vec<Arrow>,
    files: Vec<Vec<String>>,
}

impl Finder<'_> {
    /// Notes `path`, as it is written here.
    fn note<T: AsRef<str>>(&mut self, path: &[T]) {
        let mut to = match path.first().map(AsRef::as_ref) {
            Some("crate" | LIBRARY) => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            _ => return,
        };
        for part in path.iter().map(AsRef::as_ref) {
            match part {
                "crate" | "self" | LIBRARY => {}
                "super" => drop(to.pop()),
                part => to.push(part.to_owned()),
            }
        }
        self.arrows.push(Arrow {
            file: self.file.to_owned(),
            from: self.module.clone(),
            to,
        });
    }

    fn note_tree(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        let last = match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.note_tree(&step.tree, path);
                path.pop();
                return;
            }
            UseTree::Group(group) => {
                group
                    .items
                    .iter()
                    .for_each(|tree| self.note_tree(tree, path));
                return;
            }
            UseTree::Name(name) => Some(name.ident.to_string()),
            UseTree::Rename(name) => Some(name.ident.to_string()),
            UseTree::Glob(_) => None,
        };
        let whole: Vec<_> = path.iter().cloned().chain(last).collect();
        self.note(&whole);
    }

    fn note_tokens(&mut self, tokens: &str) {
        for found in PATH.find_iter(tokens) {
            let parts: Vec<_> = found.as_str().split("::").map(str::trim).collect();
            self.note(&parts);
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        if item.content.is_none() {
            self.files.push(self.module.clone());
        }
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.note_tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        self.note(&parts);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.note_tokens(&called.tokens.to_string());
        visit::visit_macro(self, called);
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.note_tokens(&list.tokens.to_string());
        visit::visit_meta_list(self, list);
    }
}

/// Whether only tests compile what has these attributes.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The arrows of `text`, and the modules with files of their own that it declares.
pub(super) fn arrows_of(
    file: &str,
    module: &[String],
    text: &str,
) -> (Vec<Arrow>, Vec<Vec<String>>) {
    let mut finder = Finder {
        file,
        module: module.to_vec(),
        arrows: Vec::new(),
        files: Vec::new(),
    };
    let code: File = syn::parse_str(text).unwrap();
    finder.visit_file(&code);
    (finder.arrows, finder.files)
}
