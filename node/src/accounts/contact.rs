//! Whom a member lets begin to write to them.

use crate::base::words::words;

words! {
    /// Who may begin a conversation with a member, or bring them into one.
    pub enum DirectMessages {
        /// Everybody, of this node and of others.
        Everybody = "everybody",
        /// Those who are in a community with them.
        Communities = "communities",
        /// Those whom they follow.
        Followed = "followed",
    }
}

#[cfg(test)]
mod tests {
    use super::DirectMessages;

    #[test]
    fn words_read_back_as_json_writes_them() {
        for choice in [
            DirectMessages::Everybody,
            DirectMessages::Communities,
            DirectMessages::Followed,
        ] {
            assert_eq!(choice.as_str().parse(), Ok(choice));
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.as_str());
        }
    }
}
