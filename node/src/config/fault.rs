//! What is wrong with a configuration, and how to put it right.

use std::fmt;

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting, such as `server.bind`; empty when the fault is of a whole file.
    pub key: String,
    /// Where the value came from: a file, a variable, a flag.
    pub source: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub way_out: String,
}

impl Fault {
    /// A fault of the value of `key`, found when the whole configuration was checked.
    pub fn new(key: &str, problem: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            source: None,
            problem: problem.into(),
            way_out: way_out.into(),
        }
    }

    /// The same fault with the place the value came from.
    #[must_use]
    pub fn from_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(formatter, "{}", self.key)?;
        }
        if let Some(source) = &self.source {
            let gap = if self.key.is_empty() { "" } else { " " };
            write!(formatter, "{gap}({source})")?;
        }
        write!(formatter, ": {}; {}", self.problem, self.way_out)
    }
}

/// Every fault of a configuration, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Fault>);

impl ConfigErrors {
    /// An error when there are faults.
    ///
    /// # Errors
    /// `faults` is not empty.
    pub fn none_or(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Self(faults))
        }
    }

    /// The faults, in the order in which they were found.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(formatter, "configuration: {one}"),
            many => {
                write!(formatter, "configuration: {} faults", many.len())?;
                many.iter()
                    .try_for_each(|fault| write!(formatter, "\n  {fault}"))
            }
        }
    }
}

impl std::error::Error for ConfigErrors {}
