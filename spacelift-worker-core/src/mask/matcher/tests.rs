//! Every occurrence is found, by a filter of every width, however the text is cut.

use proptest::prelude::*;

use super::*;

fn matcher(patterns: &[Vec<u8>]) -> Matcher {
    let mut patterns: Vec<Spelling> = patterns.iter().map(|pattern| pattern.as_slice().into()).collect();
    patterns.sort();
    patterns.dedup();
    Matcher::new(patterns)
}

/// Ends and lengths of matches, and how much is open at the end.
fn found(matcher: &Matcher, parts: &[&[u8]]) -> (Vec<(usize, usize)>, usize) {
    let (mut all, mut before, mut cursor) = (Vec::new(), 0, Cursor::default());
    for part in parts {
        cursor = matcher.read(cursor, part, |end, length| all.push((before + end, length)));
        before += part.len();
    }
    (all, matcher.open(cursor))
}

fn reference(patterns: &[Vec<u8>], text: &[u8]) -> (Vec<(usize, usize)>, usize) {
    let ends = (1..=text.len()).filter_map(|end| {
        let ending = patterns.iter().filter(|pattern| text[..end].ends_with(pattern));
        Some((end, ending.map(Vec::len).max()?))
    });
    let starts = patterns.iter().flat_map(|pattern| (1..pattern.len()).map(move |length| &pattern[..length]));
    let open = starts.filter(|start| text.ends_with(start)).map(<[u8]>::len).max();
    (ends.collect(), open.unwrap_or(0))
}

fn bytes(of: &'static [u8], length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(of), length)
}

/// Random text with some of the patterns in it.
fn salted(patterns: &[Vec<u8>], noise: &[Vec<u8>]) -> Vec<u8> {
    let salt = patterns.iter().cycle().take(if patterns.is_empty() { 0 } else { noise.len() });
    noise.iter().enumerate().zip(salt.map(Some).chain(std::iter::repeat(None))).fold(
        Vec::new(),
        |mut text, ((index, noise), salt)| {
            text.extend_from_slice(noise);
            if let (Some(salt), true) = (salt, index % 3 > 0) {
                text.extend_from_slice(&salt[..salt.len() - index % 2]);
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_skipped_holds_nothing(
        patterns in (4usize..14).prop_flat_map(|shortest| {
            prop::collection::vec(bytes(b"ab", shortest..shortest + 9), 0..6)
        }),
        noise in prop::collection::vec(bytes(b"aabbbbc...............", 0..90), 0..6),
        cuts in prop::collection::vec(0usize..400, 0..5),
    ) {
        let (matcher, text) = (matcher(&patterns), salted(&patterns, &noise));
        let wanted = reference(&patterns, &text);
        prop_assert_eq!(found(&matcher, &[&text]), wanted.clone());
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(found(&matcher, &parts), wanted.clone());
        prop_assert_eq!(found(&matcher, &text.chunks(1).collect::<Vec<_>>()), wanted);
    }
}

#[test]
fn a_pattern_is_found_at_every_place_behind_skipped_text() {
    for length in 4..20 {
        let pattern: Vec<u8> = (b'a'..).take(length).collect();
        let matcher = matcher(std::slice::from_ref(&pattern));
        for place in 0..150 {
            let text = [vec![b'.'; place], pattern.clone(), vec![b'.'; 150 - place]].concat();
            assert_eq!(found(&matcher, &[&text]), (vec![(place + length, length)], 0), "{length} {place}");
        }
    }
}
