//! Layers, faults and the sample file.

use super::*;

fn load(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let directory = tempfile::tempdir().unwrap();
    let path = file.map(|text| {
        let path = directory.path().join("folkmoot.toml");
        std::fs::write(&path, text).unwrap();
        path
    });
    let pair = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
    Config::load(&Sources {
        file: path,
        variables: variables.iter().map(pair).collect(),
        flags: Vec::new(),
    })
}

#[test]
fn sample_says_the_defaults_and_names_every_setting() {
    let sample = include_str!("../../../docs/folkmoot.sample.toml");
    assert_eq!(load(Some(sample), &[]).unwrap(), Config::default());
    let mut keys = Vec::new();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    layers::list(String::new(), &defaults, &mut keys);
    for key in keys {
        let name = key.rsplit('.').next().unwrap();
        let named = |line: &str| {
            line.trim_start_matches("# ")
                .starts_with(&format!("{name} ="))
        };
        assert!(sample.lines().any(named), "the sample does not show {key}");
    }
}

#[test]
fn variables_win_over_the_file() {
    let file = "[server]\nbind = \"127.0.0.1:1\"\nshutdown_grace_seconds = 3\n";
    let variables = [
        ("FOLKMOOT_SERVER__BIND", "127.0.0.1:2"),
        (
            "FOLKMOOT_FEDERATION__ALLOWED_PRIVATE_RANGES",
            "[\"127.0.0.0/8\"]",
        ),
        ("FOLKMOOT_FEDERATION__ALLOW_HTTP", "true"),
        ("FOLKMOOT_DATA_DIR", "7"),
        ("FOLKMOOT_TEST_POSTGRES", "not ours"),
        ("UNRELATED", "x"),
    ];
    let config = load(Some(file), &variables).unwrap();
    assert_eq!(config.server.bind.port(), 2);
    assert_eq!(config.server.shutdown_grace_seconds, 3);
    assert_eq!(config.federation.allowed_private_ranges.len(), 1);
    assert!(config.federation.allow_http);
    assert_eq!(config.data_dir, PathBuf::from("7"));
}

#[test]
fn an_issuer_on_plain_http_is_allowed_by_name() {
    let file = "[oidc]\nissuer = \"http://login.example\"\nclient_id = \"chat\"\n";
    let errors = load(Some(file), &[]).unwrap_err();
    let keys: Vec<&str> = errors.faults().iter().map(|f| f.key.as_str()).collect();
    assert_eq!(keys, ["oidc.allow_http"]);
    let allowed = [("FOLKMOOT_OIDC__ALLOW_HTTP", "true")];
    assert!(load(Some(file), &allowed).unwrap().oidc.allow_http);
}

#[test]
fn lists_all_faults_with_place_and_way_out() {
    let file = "[server]\nbnd = \"127.0.0.1:1\"\npublic_url = 3\n[nonsense]\nx = 1\n";
    let variables = [("FOLKMOOT_LIMITS__CONNECTIONS", "many")];
    let errors = load(Some(file), &variables).unwrap_err();
    let text = errors.to_string();
    assert_eq!(errors.faults().len(), 4, "{text}");
    assert!(text.contains("did you mean server.bind?"), "{text}");
    assert!(text.contains("nonsense"), "{text}");
    assert!(text.contains("server.public_url"), "{text}");
    assert!(text.contains("FOLKMOOT_LIMITS__CONNECTIONS"), "{text}");
    let file = "[server]\nbnd = \"127.0.0.1:1\"\npublic_url = \"chat.example\"\n";
    let errors = load(Some(file), &[]).unwrap_err();
    let keys: Vec<&str> = errors.faults().iter().map(|f| f.key.as_str()).collect();
    assert_eq!(keys, ["server.bnd", "server.public_url"]);
}

#[test]
fn checks_values_that_have_the_right_type() {
    for url in [
        "chat.example",
        "ftp://chat.example",
        "https://chat.example/path",
        "https://",
    ] {
        let file = format!("[server]\npublic_url = \"{url}\"\n");
        let errors = load(Some(&file), &[]).unwrap_err();
        assert_eq!(errors.faults()[0].key, "server.public_url");
    }
    let errors = load(
        Some("[limits]\nconnections = 0\n[telemetry]\nlog = \"a=b=c\"\n"),
        &[],
    );
    assert_eq!(errors.unwrap_err().faults().len(), 2);
    let minutes = load(Some("[auth]\naccess_token_minutes = 61\n"), &[]).unwrap_err();
    assert_eq!(minutes.faults()[0].key, "auth.access_token_minutes");
}

#[test]
fn takes_a_redis_url_and_shows_no_password() {
    for good in [
        "redis://127.0.0.1:6379/",
        "rediss://moot:hunter2@cache.example:6380/1",
    ] {
        let config = load(Some(&format!("[cache]\nurl = \"{good}\"\n")), &[]).unwrap();
        assert!(config.cache.server().is_some());
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for bad in [
        "127.0.0.1:6379",
        "http://moot:hunter2@cache.example/",
        "rediss://moot:hunter2@cache.example/#insecure",
        "redis://moot:hunter2@cache.example:port/",
    ] {
        let errors = load(Some(&format!("[cache]\nurl = \"{bad}\"\n")), &[]).unwrap_err();
        assert_eq!(errors.faults()[0].key, "cache.url");
        assert!(!errors.to_string().contains("hunter2"), "{errors}");
    }
}

#[test]
fn says_the_line_that_is_not_toml() {
    let errors = load(Some("data_dir = \"x\"\n[server\n"), &[]).unwrap_err();
    assert!(errors.to_string().contains("line 2"), "{errors}");
    let sources = Sources {
        file: Some(PathBuf::from("/does/not/exist.toml")),
        ..Sources::default()
    };
    assert!(Config::load(&sources).is_err());
}

#[test]
fn secrets_are_never_shown() {
    let file = "[database]\nurl = \"postgres://alice:hunter2@db/folkmoot\"\n";
    let config = load(Some(file), &[]).unwrap();
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(
        config.database_url().to_string(),
        "postgres://alice@db/folkmoot"
    );
    let errors = load(
        Some("[database]\nurl = \"mysql://alice:hunter2@db\"\n"),
        &[],
    )
    .unwrap_err();
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
}

#[test]
fn origin_falls_back_to_the_bound_address() {
    let config = Config::default();
    let origin = config.origin("0.0.0.0:81".parse().unwrap());
    assert_eq!(origin.as_str(), "http://127.0.0.1:81");
    assert_eq!(origin.authority(), "127.0.0.1:81");
    assert_eq!(
        origin.join("/users/alice").as_str(),
        "http://127.0.0.1:81/users/alice"
    );
}
