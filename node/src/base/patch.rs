//! Values of bodies that change a part of something: absent, null or set (RFC 7396 s1).

use serde::{Deserialize, Deserializer};

/// What a body says of a value that may be taken away; fields of it are `#[serde(default)]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It is absent: the value stays.
    #[default]
    Stays,
    /// It is null: the value is taken away.
    Cleared,
    /// The value becomes this.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the body says something.
    pub const fn is_given(&self) -> bool {
        !matches!(self, Self::Stays)
    }

    /// What becomes of `old`, when `read` makes a value of what is set.
    ///
    /// # Errors
    /// What `read` answers.
    pub fn over<U, E>(
        &self,
        old: Option<U>,
        read: impl FnOnce(&T) -> Result<U, E>,
    ) -> Result<Option<U>, E> {
        match self {
            Self::Stays => Ok(old),
            Self::Cleared => Ok(None),
            Self::Set(value) => read(value).map(Some),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<T>::deserialize(deserializer)?;
        Ok(value.map_or(Self::Cleared, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use std::num::ParseIntError;

    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(default)]
        number: Patch<String>,
    }

    #[test]
    fn absent_null_and_set_are_told_apart() {
        let read = |body: serde_json::Value| serde_json::from_value::<Body>(body).unwrap().number;
        let over = |patch: Patch<String>| patch.over(Some(1), |text| text.parse::<i32>());
        let stays: Result<_, ParseIntError> = over(read(json!({})));
        assert_eq!(stays, Ok(Some(1)));
        assert_eq!(over(read(json!({"number": null}))), Ok(None));
        assert_eq!(over(read(json!({"number": "2"}))), Ok(Some(2)));
        assert!(over(read(json!({"number": "two"}))).is_err());
        assert!(!read(json!({})).is_given() && read(json!({"number": null})).is_given());
    }
}
