//! The pages: each is found, each link leads somewhere, each dependency is explained, pictures match their transcripts.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use regex::Regex;
use testbed::drift::file;

mod facts;

const INDEX: &str = "docs/README.md";
/// The book's sidebar: mdBook leaves out a page that is not in it.
const SIDEBAR: &str = "docs/SUMMARY.md";
const BOOK: &str = "docs";

/// Folders beside the book whose pages are for readers.
const FOLDERS: [&str; 3] = ["", ".github", "charts/together-remediation-operator"];

/// The pages in `folder`, and below it if `is_deep`.
fn pages_in(folder: &Path, is_deep: bool, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(file(folder.to_str().unwrap())).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if is_deep && entry.file_type().unwrap().is_dir() {
            pages_in(&path, is_deep, into);
        } else if path.extension().is_some_and(|end| end == "md") {
            let text = fs::read_to_string(entry.path()).unwrap();
            into.push((path.to_str().unwrap().to_owned(), text));
        }
    }
}

/// Every page, by its path in the repository, with its text.
fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for folder in FOLDERS {
        pages_in(Path::new(folder), false, &mut pages);
    }
    pages_in(Path::new(BOOK), true, &mut pages);
    pages
}

fn text<'a>(pages: &'a [(String, String)], name: &str) -> &'a str {
    &pages.iter().find(|(page, _)| page == name).unwrap().1
}

/// Where the links of `text` lead that do not leave the repository: path from the root, and the heading.
fn links(page: &str, text: &str) -> Vec<(String, String)> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let targets = link.captures_iter(text).map(|found| found[1].to_owned());
    targets
        .filter(|target| !target.contains("://"))
        .map(|target| {
            let (path, heading) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let path = if path.is_empty() {
                PathBuf::from(page)
            } else {
                Path::new(page).parent().unwrap().join(path)
            };
            (plain(&path), heading.to_owned())
        })
        .collect()
}

/// `path` without `..`.
fn plain(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain.to_str().unwrap().to_owned()
}

/// The anchors of a page, as GitHub makes them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
            kept.map(|char| if char == ' ' { '-' } else { char })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    for (page, text) in &pages {
        for (path, heading) in links(page, text) {
            assert!(file(&path).exists(), "{page}: there is no {path}");
            let target = pages.iter().find(|(other, _)| *other == path);
            let is_there = target.is_none_or(|(_, text)| anchors(text).contains(&heading));
            assert!(
                heading.is_empty() || is_there,
                "{page}: no {path}#{heading}"
            );
        }
    }
}

#[test]
fn every_page_is_in_the_index() {
    let pages = pages();
    let named: BTreeSet<String> = links(INDEX, text(&pages, INDEX))
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    for (page, _) in &pages {
        assert!(
            named.contains(page) || [INDEX, SIDEBAR, "README.md"].contains(&&**page),
            "{INDEX} lacks {page}"
        );
    }
    let begin = links("README.md", text(&pages, "README.md"));
    assert!(begin.iter().any(|(path, _)| path == INDEX));
}

#[test]
fn every_page_of_the_book_is_in_its_sidebar_once() {
    let pages = pages();
    let mut named: Vec<String> = links(SIDEBAR, text(&pages, SIDEBAR))
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    named.sort();
    let is_in_the_book = |page: &String| Path::new(page).starts_with(BOOK) && page != SIDEBAR;
    let mut expected: Vec<String> = pages.into_iter().map(|(page, _)| page).collect();
    expected.retain(is_in_the_book);
    expected.sort();
    assert_eq!(named, expected);
}

#[test]
fn every_dependency_is_explained() {
    let page = fs::read_to_string(file("docs/project/dependencies.md")).unwrap();
    let words: BTreeSet<&str> = page
        .split(|char: char| !(char.is_alphanumeric() || "-_".contains(char)))
        .collect();
    for manifest in [
        "Cargo.toml",
        "tests/perf/Cargo.toml",
        "tests/testbed/Cargo.toml",
    ] {
        let text = fs::read_to_string(file(manifest)).unwrap();
        let sections = text.split("\n[").filter(|section| {
            section.starts_with("dependencies]") || section.starts_with("dev-dependencies]")
        });
        for line in sections.flat_map(|section| section.lines().skip(1)) {
            let name = line.split(['=', '.']).next().unwrap().trim();
            assert!(
                name.is_empty() || name == "testbed" || words.contains(name),
                "docs/project/dependencies.md does not explain {name} of {manifest}"
            );
        }
    }
}

/// The lines of a picture that `.ci/pictures` has drawn.
fn drawn(picture: &str) -> Vec<String> {
    let svg = fs::read_to_string(file(picture)).unwrap();
    let line = Regex::new("<text[^>]*>(.*)</text>").unwrap();
    let tag = Regex::new("<[^>]*>").unwrap();
    let plain = |line: &str| {
        let escaped = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#x27;", "'"),
        ];
        let text = tag.replace_all(line, "").into_owned();
        let text = escaped
            .iter()
            .fold(text, |text, (code, char)| text.replace(code, char));
        text.replace("&amp;", "&")
    };
    line.captures_iter(&svg)
        .map(|found| plain(&found[1]))
        .collect()
}

#[test]
fn each_picture_has_a_light_and_a_dark_theme() {
    let mut all = 0;
    for folder in [BOOK, "docs/performance"] {
        for entry in fs::read_dir(file(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "svg") {
                let svg = fs::read_to_string(&path).unwrap();
                let is_dark_too = svg.contains("prefers-color-scheme:dark");
                assert!(is_dark_too, "{}", path.display());
                all += 1;
            }
        }
    }
    assert!(all > 5, "{all}");
}

#[test]
fn the_pictures_match_the_transcripts() {
    let lines_of = |page: &str| -> Vec<String> {
        let text = fs::read_to_string(file(page)).unwrap();
        let lines = text.lines().map(str::trim_end);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let demo = drawn("docs/demo.svg");
    assert_eq!(demo[1..], lines_of("docs/demo.txt"), ".ci/pictures");
    let (page, shown) = (
        lines_of("docs/reference/kubectl.md"),
        drawn("docs/kubectl.svg"),
    );
    assert!(shown.len() > 6, "{shown:?}");
    for line in shown {
        assert!(page.contains(&line), ".ci/pictures: {line}");
    }
}
