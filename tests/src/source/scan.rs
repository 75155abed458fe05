//! The walk over one file's tokens.
//!
//! It knows the shape of paths, `use` trees, attributes and module bodies, and nothing else of the language.

use std::collections::BTreeMap;
use std::str::FromStr;

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

use super::Name;

/// What one file holds.
pub(super) struct Scan {
    pub(super) names: Vec<Name>,
    pub(super) items: Vec<Name>,
    pub(super) allows: Vec<usize>,
    pub(super) test_modules: Vec<Vec<String>>,
    /// What `use` declarations call by another name: the short name, and the path that it stands for.
    aliases: BTreeMap<String, Vec<String>>,
}

/// Scans a file that holds `module`.
pub(super) fn scan(text: &str, module: Vec<String>) -> Result<Scan, LexError> {
    let tokens: Vec<TokenTree> = TokenStream::from_str(text)?.into_iter().collect();
    let mut scan = Scan {
        names: Vec::new(),
        items: Vec::new(),
        allows: Vec::new(),
        test_modules: Vec::new(),
        aliases: BTreeMap::new(),
    };
    for token in &tokens {
        if let TokenTree::Ident(word) = token
            && (word == "fn" || word == "impl")
        {
            scan.items.push(Name { segments: vec![word.to_string()], line: line(token) });
        }
    }
    scan.find_allows(&tokens);
    scan.walk(&tokens, &module);
    let aliases = std::mem::take(&mut scan.aliases);
    for name in &mut scan.names {
        write_out(&mut name.segments, &aliases);
    }
    Ok(scan)
}

impl Scan {
    /// Notes every path in `tokens`, which stand inside `module`.
    fn walk(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some((attribute, end)) = attribute(tokens, at) {
                if is_for_tests(&attribute) {
                    at = self.skip_item(tokens, end, module);
                    continue;
                }
                self.walk(&attribute, module);
                at = end;
                continue;
            }
            at = match &tokens[at] {
                TokenTree::Ident(word) if word == "use" => self.walk_use(tokens, at + 1, module),
                TokenTree::Ident(word) if word == "mod" => self.walk_mod(tokens, at + 1, module),
                TokenTree::Ident(_) => self.walk_path(tokens, at, module),
                TokenTree::Group(group) => {
                    self.walk(&inside(group), module);
                    at + 1
                }
                TokenTree::Punct(punct) if punct.as_char() == '.' => self.walk_method(tokens, at),
                _ => at + 1,
            };
        }
    }

    /// A path in an expression, type, pattern, attribute or macro; a word alone is not one.
    fn walk_path(&mut self, tokens: &[TokenTree], start: usize, module: &[String]) -> usize {
        let mut segments = vec![tokens[start].to_string()];
        let mut at = start + 1;
        while is_path_separator(tokens, at)
            && let Some(TokenTree::Ident(word)) = tokens.get(at + 2)
        {
            segments.push(word.to_string());
            at += 3;
        }
        if segments.len() > 1 {
            self.names.push(Name { segments: from_root(segments, module), line: line(&tokens[start]) });
        }
        at
    }

    /// A method call is noted with its dot: `.elapsed` reads a clock that no path names.
    fn walk_method(&mut self, tokens: &[TokenTree], dot: usize) -> usize {
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Group(_))) =
            (tokens.get(dot + 1), tokens.get(dot + 2))
        {
            self.names.push(Name { segments: vec![format!(".{word}")], line: line(&tokens[dot + 1]) });
            return dot + 2;
        }
        dot + 1
    }

    /// `mod x { … }` is walked as a module below this one; `mod x;` names nothing.
    fn walk_mod(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let (Some(TokenTree::Ident(word)), Some(TokenTree::Group(body))) =
            (tokens.get(at), tokens.get(at + 1))
        else {
            return at;
        };
        let mut inner = module.to_vec();
        inner.push(word.to_string());
        self.walk(&inside(body), &inner);
        at + 2
    }

    /// A `use` declaration: every leaf of its tree is a name, and most are an alias too.
    fn walk_use(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let end = position(tokens, at, |token| is_punct(token, ';'));
        self.walk_use_tree(&tokens[at..end], &[], module);
        end + 1
    }

    fn walk_use_tree(&mut self, tree: &[TokenTree], prefix: &[String], module: &[String]) {
        let mut segments = prefix.to_vec();
        let mut rename = None;
        let mut at = 0;
        while let Some(token) = tree.get(at) {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    rename = tree.get(at + 1).map(ToString::to_string);
                    at += 1;
                }
                // `use a::b::{self, c}`: `self` is `a::b`
                TokenTree::Ident(word) if word == "self" && !segments.is_empty() => {}
                TokenTree::Ident(word) => segments.push(word.to_string()),
                TokenTree::Group(group) => {
                    let inner = inside(group);
                    for branch in
                        inner.split(|token| is_punct(token, ',')).filter(|branch| !branch.is_empty())
                    {
                        self.walk_use_tree(branch, &segments, module);
                    }
                    return;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => segments.push("*".to_owned()),
                _ => {}
            }
            at += 1;
        }
        let (Some(first), Some(last)) = (tree.first(), segments.last().cloned()) else { return };
        let segments = from_root(segments, module);
        let alias = rename.unwrap_or(last);
        if segments.first() != Some(&alias) {
            self.aliases.insert(alias, segments.clone());
        }
        self.names.push(Name { segments, line: line(first) });
    }

    /// Leaves an item of tests alone out, and notes it when it is a module.
    fn skip_item(&mut self, tokens: &[TokenTree], mut at: usize, module: &[String]) -> usize {
        while let Some((_, end)) = attribute(tokens, at) {
            at = end;
        }
        let word = |at: usize| tokens.get(at).map(ToString::to_string).unwrap_or_default();
        let start = position(tokens, at, |token| !is_visibility(token));
        if word(start) == "mod" {
            let mut inner = module.to_vec();
            inner.push(word(start + 1));
            self.test_modules.push(inner);
        }
        // These end with a semicolon and may hold braces before it
        let whole_line = matches!(word(start).as_str(), "use" | "static" | "type" | "let")
            || (word(start) == "const" && word(start + 1) != "fn");
        let end = position(tokens, start, |token| {
            is_punct(token, ';') || (!whole_line && (is_brace(token) || is_punct(token, ',')))
        });
        end + 1
    }

    /// Notes `allow` wherever an attribute has it, inside `cfg_attr` too.
    fn find_allows(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some((content, end)) = attribute(tokens, at) {
                let conditional = content.first().is_some_and(|token| token.to_string() == "cfg_attr");
                let inner = match content.get(1) {
                    Some(TokenTree::Group(group)) if conditional => inside(group),
                    _ => content.into_iter().take(1).collect(),
                };
                if inner.iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "allow")) {
                    self.allows.push(line(&tokens[at]));
                }
                at = end;
                continue;
            }
            if let TokenTree::Group(group) = &tokens[at] {
                self.find_allows(&inside(group));
            }
            at += 1;
        }
    }
}

/// The content of the attribute at `at`, and where it ends.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(Vec<TokenTree>, usize)> {
    if !is_punct(tokens.get(at)?, '#') {
        return None;
    }
    let inner = usize::from(tokens.get(at + 1).is_some_and(|token| is_punct(token, '!')));
    match tokens.get(at + 1 + inner)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            Some((inside(group), at + 2 + inner))
        }
        _ => None,
    }
}

/// `test`, `tokio::test`, `cfg(test)` and `cfg(all(test, …))` mark what exists in tests alone; `cfg(any(test, …))` does not.
fn is_for_tests(attribute: &[TokenTree]) -> bool {
    fn holds(tokens: &[TokenTree]) -> bool {
        tokens.split(|token| is_punct(token, ',')).any(|condition| match condition {
            [TokenTree::Ident(word)] => word == "test",
            [TokenTree::Ident(word), TokenTree::Group(group)] => word == "all" && holds(&inside(group)),
            _ => false,
        })
    }
    match attribute {
        [TokenTree::Ident(word), TokenTree::Group(group)] if word == "cfg" => holds(&inside(group)),
        [.., TokenTree::Ident(word)] => word == "test",
        [.., TokenTree::Ident(word), TokenTree::Group(_)] if attribute.len() > 2 => word == "test",
        _ => false,
    }
}

/// `self`, `super` and `crate` become a path from `crate`.
fn from_root(mut segments: Vec<String>, module: &[String]) -> Vec<String> {
    let mut base = match segments.first().map(String::as_str) {
        Some("self" | "super") => module.to_vec(),
        _ => return segments,
    };
    while let Some(first) = segments.first() {
        match first.as_str() {
            "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        segments.remove(0);
    }
    base.extend(segments);
    base
}

/// Replaces the first segment by what a `use` declaration says it stands for, until it stands for itself.
fn write_out(segments: &mut Vec<String>, aliases: &BTreeMap<String, Vec<String>>) {
    // A chain of `use` declarations longer than this is a circle
    for _ in 0..8 {
        let Some(path) = segments.first().and_then(|first| aliases.get(first)) else { return };
        segments.splice(..1, path.iter().cloned());
    }
}

fn position(tokens: &[TokenTree], from: usize, is_it: impl Fn(&TokenTree) -> bool) -> usize {
    tokens.iter().skip(from).position(is_it).map_or(tokens.len(), |offset| from + offset)
}

fn inside(group: &proc_macro2::Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    [at, at + 1].iter().all(|at| tokens.get(*at).is_some_and(|token| is_punct(token, ':')))
}

fn is_brace(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_visibility(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => word == "pub",
        TokenTree::Group(group) => group.delimiter() == Delimiter::Parenthesis,
        _ => false,
    }
}
