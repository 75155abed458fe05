//! How results are shown: a table for a person, JSON for a program; through one writer.

use std::io::{self, Write};

use serde::Serialize;

/// Where results go, and in which form.
pub(super) struct Output<'a> {
    pub(super) writer: &'a mut (dyn Write + Send),
    pub(super) json: bool,
}

impl Output<'_> {
    /// One JSON document on a line, or what `human` makes of it.
    pub(super) fn show<T: Serialize>(
        &mut self,
        value: &T,
        human: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut self.writer, value)?;
            writeln!(self.writer)?;
        } else {
            self.writer.write_all(human(value).as_bytes())?;
        }
        self.writer.flush()
    }
}

/// Columns under their headings, two spaces apart. What others typed is shown without control characters, so that no title
/// or tag moves the cursor of a terminal.
pub(super) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| plain(&cell))));
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Without control characters.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `-` for nothing.
pub(super) fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}

/// A published name, such as `UNCONFIRMED`.
pub(super) fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// A Unix time in seconds as people write it: `2026-11-23T22:15:00Z` (RFC 3339).
pub(super) fn time(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // Days to a date of the Gregorian calendar, in eras of 400 years that begin in March (Hinnant, "chrono-Compatible
    // Low-Level Date Algorithms", civil_from_days).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(time(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(time(1_795_471_200), "2026-11-23T22:00:00Z");
        assert_eq!(time(4_107_542_400), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn a_table_is_aligned_and_moves_no_cursor() {
        let rows = [["a".to_owned(), "x\u{1b}[2J\ny".to_owned()], ["längst".to_owned(), String::new()]];
        assert_eq!(table(["ID", "TITLE"], rows), "ID      TITLE\na       x [2J y\nlängst\n");
    }

    #[test]
    fn json_is_one_document_on_a_line() {
        let mut bytes = Vec::new();
        let mut output = Output { writer: &mut bytes, json: true };
        output.show(&["a\nb"], |_| String::new()).unwrap();
        assert_eq!(bytes, b"[\"a\\nb\"]\n");
    }
}
