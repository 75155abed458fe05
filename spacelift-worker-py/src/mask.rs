//! Masking: a shared set of secrets, and one stream.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use spacelift_worker_core::mask::{
    self, Forms, MaskSettings, NotRegistered, Notice, SecretSet, TooManySecrets,
};
use spacelift_worker_core::output::Output;

use crate::buffers::Given;
use crate::failure::{Class, Failure};
use crate::stream::{Push, Stream};
use crate::work::work;

/// Secrets that streams share.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct Secrets(mask::Secrets);

#[pymethods]
impl Secrets {
    /// `forms`: names of spellings; absent: all of them.
    #[new]
    fn new(forms: Option<Vec<String>>, terminal: bool, well_known: bool) -> Result<Self, Failure> {
        let mut settings = MaskSettings::default();
        settings.terminal = terminal;
        settings.well_known = well_known;
        if let Some(names) = forms {
            settings.forms = Forms::none();
            names.iter().try_for_each(|name| switch_on(&mut settings.forms, name))?;
        }
        Ok(Self(mask::Secrets::new(SecretSet::with_settings(settings))?))
    }

    /// Adds values and tells why which of them, from 0, are not masked.
    fn add(
        &self,
        py: Python<'_>,
        values: Vec<Bound<'_, PyAny>>,
    ) -> Result<Vec<(usize, &'static str)>, Failure> {
        let given: PyResult<Vec<Given<'_>>> = values.iter().map(Given::read).collect();
        let given = given?;
        let len = given.iter().map(|value| value.bytes().len()).sum();
        work(py, len, || {
            let mut refused = Vec::new();
            self.0.add_all(given.iter().map(Given::bytes), |at, why| refused.push((at, reason(why))))?;
            Ok(refused)
        })
    }

    fn mask_text(&self, py: Python<'_>, text: &str) -> Result<String, Failure> {
        work(py, text.len(), || Ok(self.0.mask_text(text)))
    }

    /// A masker for one stream; `commands`: whether `::add-mask` lines in it add secrets.
    fn masker(&self, commands: bool) -> Masker {
        let masker = if commands { self.0.masker_with_commands() } else { self.0.masker() };
        let notices = Arc::default();
        Masker { stream: Stream::new(Masking { masker, notices: Arc::clone(&notices) }), notices }
    }
}

fn reason(why: NotRegistered) -> &'static str {
    match why {
        NotRegistered::Blank => "blank",
        NotRegistered::CommonWord => "common_word",
        _ => "too_short",
    }
}

fn switch_on(forms: &mut Forms, name: &str) -> Result<(), Failure> {
    let form = match name {
        "trimmed" => &mut forms.trimmed,
        "unquoted" => &mut forms.unquoted,
        "lines" => &mut forms.lines,
        "base64" => &mut forms.base64,
        "percent" => &mut forms.percent,
        "json" => &mut forms.json,
        "go" => &mut forms.go,
        "python" => &mut forms.python,
        "hcl" => &mut forms.hcl,
        "shell" => &mut forms.shell,
        "xml" => &mut forms.xml,
        "hex" => &mut forms.hex,
        "utf16le" => &mut forms.utf16le,
        _ => return Err(Failure::argument(format!("{name:?} is no form of a secret"))),
    };
    *form = true;
    Ok(())
}

impl From<TooManySecrets> for Failure {
    fn from(error: TooManySecrets) -> Self {
        Self::new(Class::Worker, "too_many_secrets", error)
    }
}

/// What commands asked for and could not get, from all that was pushed.
type Notices = Arc<Mutex<Vec<String>>>;

struct Masking {
    masker: mask::Masker,
    notices: Notices,
}

fn keep(notices: &Notices, more: Vec<Notice>) {
    if !more.is_empty() {
        let more = more.iter().map(ToString::to_string);
        notices.lock().unwrap_or_else(PoisonError::into_inner).extend(more);
    }
}

impl Push for Masking {
    const NAME: &'static str = "masker";

    fn push(&mut self, bytes: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        self.masker.push(bytes, out);
        keep(&self.notices, self.masker.take_notices());
        Ok(())
    }

    fn end(self, out: &mut dyn Output) -> Result<(), Failure> {
        keep(&self.notices, self.masker.finish(out));
        Ok(())
    }
}

/// Masks one stream.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct Masker {
    stream: Stream<Masking>,
    notices: Notices,
}

#[pymethods]
impl Masker {
    fn push<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>, Failure> {
        self.stream.update(py, data)
    }

    fn push_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        buffer: &Bound<'_, PyAny>,
    ) -> Result<usize, Failure> {
        self.stream.update_into(py, data, buffer)
    }

    fn finish<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        self.stream.finish(py)
    }

    fn pending(&self, py: Python<'_>) -> usize {
        self.stream.pending(py)
    }

    /// Takes them away.
    fn notices(&self) -> Vec<String> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
