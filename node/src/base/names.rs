//! Which user names look alike.

/// Whether one name could be taken for the other: upper and lower case, digits that stand for
/// letters, letters that run together, and `_`, make no difference.
pub fn look_alike(one: &str, other: &str) -> bool {
    // A 1 is read as l by some and as i by others.
    ['l', 'i']
        .into_iter()
        .any(|one_for| folded(one, one_for) == folded(other, one_for))
}

fn folded(name: &str, one: char) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        '0' => 'o',
        '1' => one,
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    let letters = name.chars().filter(|letter| *letter != '_').map(letter);
    letters
        .collect::<String>()
        .replace("rn", "m")
        .replace("vv", "w")
        .replace("cl", "d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_the_same() {
        for other in [
            "Admin", "4dmin", "adm1n", "ad_min", "adrnin", "_ADMIN_", "clamin",
        ] {
            assert_eq!(look_alike("admin", other), other != "clamin", "{other}");
        }
        assert!(look_alike("support", "5upp0rt"));
        assert!(look_alike("all", "a11"));
        assert!(!look_alike("all", "ali"));
        assert!(!look_alike("alice", "malice"));
    }
}
