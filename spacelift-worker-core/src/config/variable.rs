//! What the table of variables says of each. The table itself is in [`vars`](super::vars).

/// One variable, or a family of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name; of a family, what all its names begin with.
    pub name: &'static str,
    /// Whether it is one name or a family.
    pub spelling: Spelling,
    /// What its value is.
    pub kind: Kind,
    /// Whether a launcher cannot do without it.
    pub required: bool,
    /// What counts where it is absent or blank, spelled as a value; empty for nothing.
    pub default: &'static str,
    /// Whose name it is.
    pub source: Source,
    /// What it does, for people, in Markdown.
    pub help: &'static str,
}

/// Whether a name stands for one variable or begins the names of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spelling {
    /// Exactly this name.
    Exact,
    /// This name and any text behind it.
    Tag,
    /// This name and a number behind it, from 0.
    Number,
}

/// Whose name a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// In Spacelift's documentation.
    Documented,
    /// This project's own.
    Extension,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Text that is never shown.
    Secret,
    /// Any text.
    Text,
    /// A boolean of Go's `strconv.ParseBool`.
    Boolean,
    /// A duration of Go's `time.ParseDuration`, longer than zero.
    Duration,
    /// A path on the host.
    Path,
    /// An `http://` or `https://` address.
    Url,
    /// `mqtt` or `poll`.
    Transport,
    /// Names of variables.
    Names,
    /// Absolute paths of programs.
    Programs,
    /// Names of variables, each with `ro_`, `wo_` or nothing before it.
    PassedNames,
    /// Mounts.
    Mounts,
    /// Host names, addresses and networks.
    Hosts,
    /// Brokers.
    Endpoints,
    /// Certificates in layers of base64.
    RootCas,
    /// `process` or `docker`.
    Executor,
    /// `automatic`, `always`, `missing` or `never`.
    Pull,
    /// A part in percent, a number, or `none`.
    Limit,
    /// A user, and a group after a colon.
    User,
}

impl Kind {
    /// The kind in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Text => "text",
            Self::Boolean => "`true` or `false`",
            Self::Duration => "duration, such as `90s` or `1h30m`",
            Self::Path => "path",
            Self::Url => "URL",
            Self::Transport => "`mqtt` or `poll`",
            Self::Names => "comma list of names",
            Self::Programs => "comma list of absolute paths",
            Self::PassedNames => "comma list of names, `ro_NAME` and `wo_NAME`",
            Self::Mounts => "comma list of `/host/path:/container/path`",
            Self::Hosts => "comma list of host names, addresses and networks",
            Self::Endpoints => "comma list of `HOST`, `HOST:PORT` and `tls://HOST:PORT`",
            Self::Executor => "`process` or `docker`",
            Self::Pull => "`automatic`, `always`, `missing` or `never`",
            Self::Limit => "number, part such as `75%`, or `none`",
            Self::User => "number of a user, or `USER:GROUP`",
            Self::RootCas => r#"base64 of `{"caCertificates":["<base64 of PEM>"]}`"#,
        }
    }
}

impl Variable {
    pub(super) const fn documented(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        let (spelling, source) = (Spelling::Exact, Source::Documented);
        Self { name, spelling, kind, required: false, default, source, help }
    }

    pub(super) const fn extension(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self { source: Source::Extension, ..Self::documented(name, kind, default, help) }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) const fn spelled(self, spelling: Spelling) -> Self {
        Self { spelling, ..self }
    }

    /// Whether `name` is this variable or one of this family.
    pub fn is(&self, name: &str) -> bool {
        match (self.spelling, name.strip_prefix(self.name)) {
            (_, None) => false,
            (Spelling::Exact, Some(rest)) => rest.is_empty(),
            (Spelling::Tag, Some(rest)) => !rest.is_empty(),
            // One spelling per number: no sign, no leading zero.
            (Spelling::Number, Some(rest)) => {
                rest.parse::<u32>().is_ok_and(|number| number.to_string() == rest)
            }
        }
    }
}

/// A part of the table.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its title.
    pub title: &'static str,
    /// Its variables.
    pub variables: &'static [&'static Variable],
}
