//! Descriptions: what is read, and what is refused.

use super::*;

const LEAST: &str = "name = 'x'\ntitle = 'X'\n[start]\nprogram = 'x'\n[ready]\nurl = 'u'\n";

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (more, part) in [
        ("[actions.folow]\nunsupported = 'r'\n", "folow"),
        ("[actions.follow]\n", "needs either"),
        (
            "[actions.follow]\nunsupported = 'r'\ncommand = ['c']\n",
            "needs either",
        ),
        ("[actions.follow]\nstep = []\n", "step"),
        (
            "[[actions.follow.steps]]\nrequest = 'GET /'\nexpct = [1]\n",
            "expct",
        ),
        ("[shows]\nLikes = 'r'\n", "Announce and Like"),
    ] {
        let error = Description::parse(&format!("{LEAST}{more}"), Path::new("."));
        let error = format!("{:#}", error.unwrap_err());
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_runs_before_a_container_is_said_there() {
    let program = "program = 'x'\n";
    let before = "before = [['y']]\n";
    assert!(
        Description::parse(
            &LEAST.replace(program, &format!("{program}{before}")),
            Path::new(".")
        )
        .is_ok()
    );
    let image = format!("{before}container = {{ image = 'x' }}\n");
    let error = Description::parse(&LEAST.replace(program, &image), Path::new("."));
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("start.container.before"), "{error}");
}

/// A reason ends with `(FILE.md, Heading)`.
fn cited(reason: &str) -> Option<(&str, &str)> {
    reason
        .strip_suffix(')')?
        .rsplit_once('(')?
        .1
        .split_once(", ")
}

#[test]
fn what_folkmoot_cites_of_itself_is_there() -> Result<()> {
    for name in ["folkmoot-sqlite", "folkmoot-postgres"] {
        let one = Description::find(name)?;
        let actions = one
            .actions
            .values()
            .filter_map(|action| action.unsupported.as_ref());
        for reason in actions.chain(one.exempt.values()) {
            let (file, heading) = cited(reason).with_context(|| reason.clone())?;
            let text = std::fs::read_to_string(place::package().join("..").join(file))?;
            let is_it = |line: &str| line.trim_start_matches('#').trim() == heading;
            let found = text
                .lines()
                .any(|line| line.starts_with('#') && is_it(line));
            ensure!(found, "{file} has no heading {heading:?}: {reason}");
        }
    }
    Ok(())
}

#[test]
fn the_examples_of_the_documentation_are_descriptions() -> Result<()> {
    let text = std::fs::read_to_string(place::package().join("../docs/interop.md"))?;
    let blocks: Vec<&str> = text.split("```toml\n").skip(1).collect();
    let blocks = blocks.iter().filter_map(|block| block.split("```").next());
    let [whole, image] = blocks.collect::<Vec<_>>().try_into().unwrap();
    Description::parse(whole, Path::new("."))?;
    let image = format!("{}{image}", LEAST.replace("program = 'x'\n", ""));
    let read = Description::parse(&image, Path::new("."))?;
    ensure!(
        read.start
            .container
            .is_some_and(|one| one.beside.len() == 1)
    );
    Ok(())
}

#[test]
fn every_description_of_a_container_can_be_read() -> Result<()> {
    let all = Description::containers()?;
    for name in [
        "akkoma",
        "gotosocial",
        "lemmy",
        "mastodon",
        "misskey",
        "mitra",
    ] {
        let one = all.iter().find(|one| one.name == name).context(name)?;
        ensure!(one.start.container.is_some(), "{name} has no image");
        for action in ["create_account", "follow", "direct_message", "inbox"] {
            ensure!(one.actions.contains_key(action), "{name}: {action}");
        }
    }
    Ok(())
}

#[test]
fn every_description_that_comes_along_can_be_read() -> Result<()> {
    let all = Description::all()?;
    for name in ["folkmoot-sqlite", "folkmoot-postgres", "fedify", "bovine"] {
        let one = all.iter().find(|one| one.name == name).context(name)?;
        for action in ACTIONS {
            let given = one.actions.contains_key(*action);
            ensure!(given, "{name} says nothing about {action}");
        }
    }
    Ok(())
}
