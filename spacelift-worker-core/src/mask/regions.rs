//! The masked regions of a stream.

use std::collections::VecDeque;
use std::ops::Range;

/// Regions apart from each other, in order, counted from the first byte of the stream.
#[derive(Default)]
pub(super) struct Regions(VecDeque<Range<u64>>);

impl Regions {
    /// Adds regions, each merged with those that it touches.
    pub(super) fn add(&mut self, mut more: Vec<Range<u64>>) {
        // So that each one comes behind those before it, but for a few.
        more.sort_by_key(|region| region.end);
        for region in more {
            let from = self.0.partition_point(|known| known.end < region.start);
            let to = self.0.partition_point(|known| known.start <= region.end);
            let touched = self.0.range(from..to);
            let start = touched.clone().map(|known| known.start).fold(region.start, u64::min);
            let end = touched.map(|known| known.end).fold(region.end, u64::max);
            self.0.drain(from..to);
            self.0.insert(from, start..end);
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn first(&self) -> Option<&Range<u64>> {
        self.0.front()
    }

    pub(super) fn pop_first(&mut self) {
        self.0.pop_front();
    }
}

/// Appends a region to some, as a part of the last one where it touches it.
pub(super) fn append(regions: &mut Vec<Range<u64>>, region: Range<u64>) {
    match regions.last_mut() {
        _ if region.is_empty() => {}
        Some(last) if last.start <= region.end && region.start <= last.end => {
            *last = last.start.min(region.start)..last.end.max(region.end);
        }
        _ => regions.push(region),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_that_touch_or_overlap_are_one() {
        let mut regions = Regions::default();
        regions.add(vec![10..12, 20..25, 1..3]);
        regions.add(vec![12..14, 24..30, 5..6]);
        assert_eq!(regions.0, [1..3, 5..6, 10..14, 20..30]);
        regions.add(vec![3..21, 40..41]);
        assert_eq!(regions.0, [1..30, 40..41]);
    }

    #[test]
    fn regions_are_appended_to_the_last_one_they_touch() {
        let mut regions = vec![];
        for region in [5..7, 6..8, 8..9, 3..10, 12..13] {
            append(&mut regions, region);
        }
        assert_eq!(regions, [3..10, 12..13]);
    }
}
