//! Lists of people as CSV, for the import of Mastodon and its kind.

use crate::follows::model::Side;

/// The names above the list of those whom the member follows, as Mastodon reads them.
const FOLLOWING: &str = "Account address,Show boosts,Notify on new posts,Languages";
/// The names above the list of followers.
const FOLLOWERS: &str = "Account address";

/// The names above the list of one side.
pub(super) const fn names(side: Side) -> &'static str {
    match side {
        Side::Following => FOLLOWING,
        Side::Followers => FOLLOWERS,
    }
}

/// A person as a row of the list: boosts are shown and new posts are not told of, since there is
/// no such choice here.
pub(super) fn row(side: Side, handle: &str) -> String {
    let address = quoted(handle.trim_start_matches('@'));
    match side {
        Side::Following => format!("{address},true,false,"),
        Side::Followers => address,
    }
}

/// A field of CSV (RFC 4180 s2).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_that_mastodon_reads() {
        let following = row(Side::Following, "@bob@there.example");
        assert_eq!(following, "bob@there.example,true,false,");
        let columns = |text: &str| text.split(',').count();
        assert_eq!(columns(&following), columns(FOLLOWING));
        assert_eq!(
            row(Side::Followers, "@bob@b.example:80"),
            "bob@b.example:80"
        );
        let odd = row(Side::Followers, "@a,\"b@there.example");
        assert_eq!(odd, "\"a,\"\"b@there.example\"");
    }
}
