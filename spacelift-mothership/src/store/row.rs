//! Columns and typed values: what is written is read back as the same type, or the database is damaged.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use spacelift_worker_core::ids::Lease;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;

/// An enumeration's published name, as it stands in a text column.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only unit variants are given; anything else would be refused when it is read back.
        _ => String::new(),
    }
}

/// A record or list, as it stands in a text column.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    // Serialization fails for maps with keys that are no strings; there is none.
    serde_json::to_string(value).unwrap_or_default()
}

/// A number for a `BIGINT` column. Values past 2^63 - 1 do not occur: times, lengths and counters that rise by one.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// An optional number for a `BIGINT` column.
pub(super) fn opt_int(value: Option<u64>) -> Option<i64> {
    value.map(int)
}

/// Reads typed columns.
pub(super) trait Columns {
    /// A text.
    fn text(&self, column: &'static str) -> Result<String, StoreError>;
    /// A text that may be absent.
    fn opt_text(&self, column: &'static str) -> Result<Option<String>, StoreError>;
    /// A truth value.
    fn flag(&self, column: &'static str) -> Result<bool, StoreError>;
    /// A number that is never negative.
    fn number(&self, column: &'static str) -> Result<u64, StoreError>;
    /// A number that may be absent.
    fn opt_number(&self, column: &'static str) -> Result<Option<u64>, StoreError>;

    /// An identifier, or anything else that is parsed from text.
    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| StoreError::Damaged { column })
    }

    /// An enumeration, written by [`word`].
    fn named<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_value(serde_json::Value::String(self.text(column)?))
            .map_err(|_| StoreError::Damaged { column })
    }

    /// A record or list, written by [`json`].
    fn record<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| StoreError::Damaged { column })
    }

    /// A record that may be absent.
    fn opt_record<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text = self.opt_text(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| StoreError::Damaged { column })).transpose()
    }

    /// A lease, in two columns.
    fn lease(&self) -> Result<Lease, StoreError> {
        Ok(Lease { generation: self.number("generation")?, counter: self.number("counter")? })
    }
}

impl Columns for SqliteRow {
    fn text(&self, column: &'static str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn opt_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &'static str) -> Result<u64, StoreError> {
        let value: i64 = self.try_get(column)?;
        u64::try_from(value).map_err(|_| StoreError::Damaged { column })
    }

    fn opt_number(&self, column: &'static str) -> Result<Option<u64>, StoreError> {
        let value: Option<i64> = self.try_get(column)?;
        value.map(|value| u64::try_from(value).map_err(|_| StoreError::Damaged { column })).transpose()
    }
}
