//! Identifiers, parsed once: ULIDs for pools, workers, runs and messages, and the lease.
//!
//! Nothing here reads a clock or draws randomness; whoever makes a new identifier passes both in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use ulid::Ulid;

/// Why a text is no identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not 26 characters of Crockford's base 32 in upper case, the canonical form of a ULID.
    #[error("expected a ULID of 26 characters (0-9 and A-Z without I, L, O, U)")]
    NotAUlid,
    /// Not `generation.counter` in decimal without leading zeros.
    #[error("expected a lease as GENERATION.COUNTER in decimal")]
    NotALease,
}

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// From a Unix time in milliseconds (48 bits are kept) and randomness (80 bits are kept).
            pub fn from_parts(unix_ms: u64, random: u128) -> Self {
                Self(Ulid::from_parts(unix_ms, random))
            }

            /// The Unix time in milliseconds at which the identifier was made.
            pub fn unix_ms(&self) -> u64 {
                self.0.timestamp_ms()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let ulid = Ulid::from_string(text).map_err(|_| IdError::NotAUlid)?;
                // Lower case and look-alike letters decode, too; one spelling per identifier keeps names equal.
                if ulid.to_string() == text { Ok(Self(ulid)) } else { Err(IdError::NotAUlid) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": "A ULID in its canonical spelling.",
                    "type": "string",
                    "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$",
                })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

ulid_id! {
    /// A worker pool.
    PoolId
}
ulid_id! {
    /// A worker: one process of a launcher, from its start to its end.
    WorkerId
}
ulid_id! {
    /// A run.
    RunId
}
ulid_id! {
    /// A message on the wire, either way.
    MessageId
}

/// The right to work on one phase of one run, strictly rising within a pool.
///
/// The generation rises when a control plane is restored from a backup, so that a lease given out before the
/// restore never equals one given out after it. Written `GENERATION.COUNTER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// Which life of the control plane's database made it.
    pub generation: u64,
    /// Rises by one or more with each offer in the pool.
    pub counter: u64,
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.counter)
    }
}

impl FromStr for Lease {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (generation, counter) = text.split_once('.').ok_or(IdError::NotALease)?;
        let number = |digits: &str| digits.parse::<u64>().map_err(|_| IdError::NotALease);
        let lease = Self { generation: number(generation)?, counter: number(counter)? };
        // "+1.1" and "01.1" parse as numbers, too.
        if lease.to_string() == text { Ok(lease) } else { Err(IdError::NotALease) }
    }
}

impl Serialize for Lease {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Lease {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Lease".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "GENERATION.COUNTER, two numbers of at most 64 bits without leading zeros.",
            "type": "string",
            "pattern": "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$",
        })
    }
}

impl<'de> Deserialize<'de> for Lease {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_has_one_spelling() {
        let text = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        assert_eq!(text.parse::<RunId>().unwrap().to_string(), text);
        for wrong in
            ["", "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FA", "81ARZ3NDEKTSV4RRFFQ69G5FAVX"]
        {
            assert_eq!(wrong.parse::<RunId>(), Err(IdError::NotAUlid), "{wrong}");
        }
    }

    #[test]
    fn a_lease_has_one_spelling_and_orders_by_generation_first() {
        assert_eq!("2.7".parse::<Lease>().unwrap(), Lease { generation: 2, counter: 7 });
        for wrong in ["", "1", "1.", ".1", "01.1", "+1.1", "1.1.1", "-1.0"] {
            assert_eq!(wrong.parse::<Lease>(), Err(IdError::NotALease), "{wrong}");
        }
        assert!("2.1".parse::<Lease>().unwrap() > "1.9".parse::<Lease>().unwrap());
    }
}
