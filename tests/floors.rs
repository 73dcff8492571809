//! The files of src stand on floors: what one imports is in its own room or on a floor below, and no file comes back to
//! itself by way of others. This reads the imports out of the text: `use` and inline paths, outside `#[cfg(test)]`.
//! Methods reached through a value have no path, so a floor can be passed that way; the type's own import shows it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

/// From bottom to top. A room is a file or a folder of src; rooms of one floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["fnv", "time", "units", "unwind"],
    &["kind", "limits", "mode", "model"],
    &["pin", "sentence"],
    &["config", "event"],
    &["reference", "wire"],
    &["replay", "ruleset", "tables"],
    &["anonymise", "detect"],
    &["engine"],
    &["api"],
    &["live"],
    &["cli"],
    &["lib", "main"],
];

#[test]
fn imports_go_down_and_never_in_a_circle() {
    let files = read();
    let imports: BTreeMap<&str, BTreeSet<String>> =
        files.iter().map(|(name, file)| (name.as_str(), file.imports(name, &files))).collect();
    let floor = |name: &str| FLOORS.iter().position(|rooms| rooms.contains(&room(name)));
    let path = |name: &str| format!("src/{name}{}.rs", if is_folder(name, &files) { "/mod" } else { "" });
    let mut wrong = Vec::new();
    for (name, targets) in &imports {
        let Some(own) = floor(name) else {
            wrong.push(format!("{} stands on no floor: give it one, here and in src/README.md", path(name)));
            continue;
        };
        for target in targets.iter().filter(|target| room(target) != room(name)) {
            match floor(target) {
                Some(other) if other > own => wrong.push(format!("{} imports {} from above", path(name), path(target))),
                Some(other) if other == own => wrong.push(format!("{} imports {} beside it", path(name), path(target))),
                _ => {}
            }
        }
    }
    let mut known = BTreeSet::new();
    for name in imports.keys() {
        if let Some(circle) = circle(name, &imports)
            && known.insert(circle.iter().cloned().collect::<BTreeSet<_>>())
        {
            let circle: Vec<String> = circle.iter().map(|name| path(name)).collect();
            wrong.push(format!("a circle: {}", circle.join(" -> ")));
        }
    }
    for gone in FLOORS.iter().copied().flatten().filter(|name| !files.keys().any(|file| room(file) == **name)) {
        wrong.push(format!("there is no src/{gone} any more: take it off its floor"));
    }
    assert!(wrong.is_empty(), "src has {} imports up or in a circle:\n{}", wrong.len(), wrong.join("\n"));
}

/// What hides a path, or looks like one and is none.
#[test]
fn paths_are_read_from_the_text() {
    let text = r##"
        use crate::{limits, model::{self as nouns, Mac as Address}, time::Span};
        pub(crate) use super::flows::Flow;
        /* use crate::none; */ // crate::none::X
        const TEXT: &str = "use crate::none::X; \" crate::none"; const RAW: &str = r#""crate::none""#;
        fn of<'a>(quote: char) -> bool { quote == '"' || quote == '\'' || limits::over() || crate::units::bytes::<u8>() }
        mod inner { use super::super::names::Name; }
        #[cfg(test)]
        mod tests { use crate::none::X; fn f() { { crate::none::x() } } }
        struct After(crate::event::Event);
    "##;
    let others = ["limits", "model", "none", "units", "event", "tables/flows", "tables/names"].map(|name| (name, ""));
    let texts = [("tables/rooms", text), ("time", "pub use crate::units::Span;")].into_iter().chain(others);
    let files = texts.map(|(name, text)| (name.to_string(), scan(&tokens(text)))).collect();
    let imports = scan(&tokens(text)).imports("tables/rooms", &files);
    assert_eq!(Vec::from_iter(imports), ["event", "limits", "model", "tables/flows", "tables/names", "units"]);
}

/// The file or folder of src that a file belongs to.
fn room(name: &str) -> &str {
    name.split('/').next().unwrap()
}

/// Returns the shortest way from a file by its imports back to itself.
fn circle(start: &str, imports: &BTreeMap<&str, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut queue = VecDeque::from([vec![start.to_string()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = queue.pop_front() {
        for next in &imports[way.last().unwrap().as_str()] {
            let longer: Vec<String> = way.iter().chain([next]).cloned().collect();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next) {
                queue.push_back(longer);
            }
        }
    }
    None
}

/// A path in the code: `super::model::Mac` is `["super", "model", "Mac"]`.
type Words = Vec<String>;

/// What the text of a file says of others.
#[derive(Default)]
struct File {
    /// Paths as they are written, each with the depth of `mod name { }` that it stands in.
    paths: Vec<(Words, usize)>,
    /// The name that a `use` brings into the file, and its path.
    names: BTreeMap<String, Words>,
}

impl File {
    /// Returns the names of the files whose items it uses.
    fn imports(&self, name: &str, files: &BTreeMap<String, File>) -> BTreeSet<String> {
        let found =
            self.paths.iter().filter_map(|(path, depth)| target(&absolute(path, name, *depth, files)?, files, 0));
        found.filter(|target| target != name).collect()
    }
}

/// Reads all files of src, by their name without `src/`, `.rs` and `/mod.rs`.
fn read() -> BTreeMap<String, File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().with_extension("");
                let name = name.to_str().unwrap();
                let name = name.strip_suffix("/mod").unwrap_or(name).to_string();
                files.insert(name, scan(&tokens(&fs::read_to_string(path).unwrap())));
            }
        }
    }
    files
}

/// Returns the path from the crate's root, where it is one into this crate.
fn absolute(path: &[String], name: &str, depth: usize, files: &BTreeMap<String, File>) -> Option<Words> {
    let mut base: Words = match name {
        "lib" | "main" => Vec::new(),
        _ => name.split('/').map(String::from).collect(),
    };
    let first = path.first()?.as_str();
    let mut rest = path;
    match first {
        "crate" => (base, rest) = (Vec::new(), &path[1..]),
        "leash" if name == "main" => (base, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            let supers = path.iter().take_while(|word| *word == "super").count();
            base.truncate((base.len() + depth).saturating_sub(supers).min(base.len()));
            rest = &path[supers..];
        }
        _ if files.contains_key(&child(&base, first)) => {}
        _ => {
            // A name that was imported: what follows it may be in a file further down.
            let full = files[name].names.get(first).filter(|full| full.first() != path.first())?;
            let full: Words = full.iter().chain(&path[1..]).cloned().collect();
            return absolute(&full, name, 0, files);
        }
    }
    Some(base.into_iter().chain(rest.iter().cloned()).collect())
}

/// Returns the file that has the item of an absolute path, by way of any `pub use`.
fn target(path: &[String], files: &BTreeMap<String, File>, steps: usize) -> Option<String> {
    let known = (0..=path.len()).rev().find(|end| files.contains_key(&path[..*end].join("/"))).unwrap_or(0);
    let name = if known == 0 { "lib".to_string() } else { path[..known].join("/") };
    let Some(item) = path.get(known) else {
        // The name of a folder alone: what is used of it is named where it is used.
        return (!is_folder(&name, files)).then_some(name);
    };
    match files[&name].names.get(item) {
        Some(other) if steps < 8 => {
            let full = absolute(other, &name, 0, files);
            full.and_then(|full| {
                target(&full.into_iter().chain(path[known + 1..].iter().cloned()).collect::<Words>(), files, steps + 1)
            })
        }
        _ => Some(name),
    }
}

fn is_folder(name: &str, files: &BTreeMap<String, File>) -> bool {
    files.keys().any(|file| file.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
}

fn child(base: &[String], name: &str) -> String {
    base.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("/")
}

/// Finds the paths among the words of a file.
fn scan(tokens: &[&str]) -> File {
    let (mut file, mut at) = (File::default(), 0);
    let (mut braces, mut inline) = (0usize, Vec::new());
    while at < tokens.len() {
        let here = &tokens[at..];
        match here {
            ["#", "[", "cfg", "(", "test" | "doctest", ")", "]", ..] => at += 7 + item(&here[7..]),
            ["mod", _, "{", ..] => {
                braces += 1;
                inline.push(braces);
                at += 3;
            }
            ["use", next, ..] if *next != "<" => {
                let length = here.iter().position(|token| *token == ";").unwrap_or(here.len());
                let mut paths = Vec::new();
                tree(&mut here[1..length].iter(), &[], &mut paths);
                for (name, path) in paths {
                    file.paths.push((path.clone(), inline.len()));
                    if inline.is_empty() {
                        file.names.insert(name, path);
                    }
                }
                at += length;
            }
            [word, "::", ..] if is_word(word) && (at == 0 || tokens[at - 1] != "::") => {
                let mut path = vec![word.to_string()];
                while let (Some(&"::"), Some(word)) =
                    (tokens.get(at + 1), tokens.get(at + 2).filter(|word| is_word(word)))
                {
                    path.push(word.to_string());
                    at += 2;
                }
                file.paths.push((path, inline.len()));
                at += 1;
            }
            ["{", ..] => {
                braces += 1;
                at += 1;
            }
            ["}", ..] => {
                inline.pop_if(|depth| *depth == braces);
                braces -= 1;
                at += 1;
            }
            _ => at += 1,
        }
    }
    file
}

/// Reads what follows `use`, or a brace in it: adds every name that it brings, with its path.
fn tree(tokens: &mut std::slice::Iter<&str>, prefix: &[String], found: &mut Vec<(String, Words)>) {
    let (mut path, mut name) = (prefix.to_vec(), None);
    loop {
        match tokens.next().copied() {
            Some("::") => {}
            Some("as") => name = tokens.next().map(|name| name.to_string()),
            Some("{") => {
                tree(tokens, &path, found);
                path.clear();
            }
            Some(word) if word != "," && word != "}" => path.push(word.to_string()),
            end => {
                if path.len() > prefix.len() {
                    path.pop_if(|last| last == "self");
                    found.push((name.take().unwrap_or_else(|| path.last().unwrap().clone()), path));
                }
                if end != Some(",") {
                    return;
                }
                path = prefix.to_vec();
            }
        }
    }
}

/// Returns how many words the item after an attribute has: up to its semicolon or closing brace.
fn item(tokens: &[&str]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return at,
            ")" | "]" => depth -= 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        if *token == "}" && depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Cuts the text into words, `::` and single signs, without comments, strings and characters.
fn tokens(text: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let raw = rest.trim_start_matches(['b', 'r']).trim_start_matches('#');
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").unwrap() + 2
        } else if (rest.starts_with('r') || rest.starts_with("br")) && raw.starts_with('"') {
            let hashes = rest[..rest.len() - raw.len()].matches('#').count();
            let end = format!("\"{}", "#".repeat(hashes));
            rest.len() - raw.len() + 1 + raw[1..].find(&end).unwrap() + end.len()
        } else if first == '"' {
            1 + quoted(&rest[1..], '"')
        } else if first == '\'' && (rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'')) {
            1 + quoted(&rest[1..], '\'')
        } else {
            let length = if word > 0 { word } else { first.len_utf8() + usize::from(rest.starts_with("::")) };
            if !first.is_whitespace() {
                found.push(&rest[..length]);
            }
            length
        };
        rest = &rest[skip..];
    }
    found
}

/// Returns the length of a quoted text up to and with its end.
fn quoted(text: &str, end: char) -> usize {
    let mut escaped = false;
    let over = |c: char| {
        let over = c == end && !escaped;
        escaped = c == '\\' && !escaped;
        over
    };
    text.find(over).unwrap() + 1
}
