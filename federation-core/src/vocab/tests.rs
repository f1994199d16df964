//! Tests of the vocabulary: hostile JSON, hostile shapes, odd shapes of real servers.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::clock::Timestamp;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn note() -> Value {
    json!({"id": "https://a.example/n/1", "type": "Note", "attributedTo": "https://a.example/u/alice"})
}

fn follow() -> Value {
    json!({
        "id": "https://a.example/f/1", "type": "Follow",
        "actor": "https://a.example/u/alice", "object": "https://b.example/u/bob",
    })
}

fn with(mut document: Value, property: &str, value: Value) -> Value {
    document[property] = value;
    document
}

mod attacks {
    use super::*;

    #[test]
    fn attack_43_refuses_what_json_readers_disagree_about() {
        let twice = parse(br#"{"id":"a","x":{"k":1,"k":2}}"#).unwrap_err();
        assert!(matches!(twice, ParseError::DuplicateKey { key } if key == "k"));
        // The same key in two spellings.
        let escaped = parse(br#"{"id":1,"\u0069d":2}"#).unwrap_err();
        assert!(matches!(escaped, ParseError::DuplicateKey { .. }));
        assert!(matches!(
            parse(br#"{"a":"x\u0000y"}"#),
            Err(ParseError::Nul)
        ));
        assert!(matches!(parse(br#"{"a\u0000":1}"#), Err(ParseError::Nul)));
        for lone in [
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00 "}"#,
            r#"{"a":"\ud800\u0041"}"#,
        ] {
            assert!(
                matches!(parse(lone.as_bytes()), Err(ParseError::Syntax { .. })),
                "{lone}"
            );
        }
        for broken in [
            &b"{\"a\":\"\xff\"}"[..],
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b"{'a':1}",
            b"",
            b"{\"a\":\"\n\"}",
        ] {
            assert!(
                matches!(parse(broken), Err(ParseError::Syntax { .. })),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn attack_43_stops_at_the_depth_cap_without_growing_the_stack() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
        assert!(parse(nested(MAX_DEPTH / 2).as_bytes()).is_ok());
        assert!(matches!(
            parse(nested(MAX_DEPTH / 2 + 1).as_bytes()),
            Err(ParseError::TooDeep)
        ));
        assert!(matches!(
            parse(nested(10_000).as_bytes()),
            Err(ParseError::TooDeep)
        ));
        let open = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
        assert!(matches!(parse(open.as_bytes()), Err(ParseError::TooDeep)));
    }

    #[test]
    fn attack_43_gives_huge_numbers_a_defined_reading() {
        let long = format!(r#"{{"n":{}}}"#, "9".repeat(300));
        assert!(parse(long.as_bytes()).unwrap()["n"].is_f64());
        assert!(matches!(
            parse(br#"{"n":1e999}"#),
            Err(ParseError::Syntax { .. })
        ));
        let endless = format!(r#"{{"n":{}}}"#, "9".repeat(100_000));
        assert!(matches!(
            parse(endless.as_bytes()),
            Err(ParseError::Syntax { .. })
        ));
        let exact = parse(br#"{"max":18446744073709551615,"min":-9223372036854775808}"#).unwrap();
        assert_eq!(exact["max"].as_u64(), Some(u64::MAX));
        assert_eq!(exact["min"].as_i64(), Some(i64::MIN));
    }

    #[test]
    fn attack_43_refuses_a_document_that_is_not_an_object() {
        for other in ["[]", "1", "null", "\"text\"", "[{\"id\":1}]"] {
            assert!(
                matches!(parse(other.as_bytes()), Err(ParseError::NotAnObject)),
                "{other}"
            );
        }
    }

    #[test]
    fn attack_41_refuses_ids_that_name_nothing_or_two_things() {
        let long = format!("https://a.example/{}", "x".repeat(100_000));
        let hostile = [
            json!(7),
            json!([]),
            json!(["https://a.example/n/1"]),
            json!({"id": "https://a.example/n/1"}),
            json!(true),
            json!(""),
            json!("#fragment"),
            json!("/relative"),
            json!("_:b0"),
            json!("javascript:alert(1)"),
            json!("data:text/plain,x"),
            json!("file:///etc/passwd"),
            json!("acct:alice@a.example"),
            json!("https://user@a.example/n/1"),
            json!("https://user:pass@a.example/n/1"),
            json!("https://a.example\\@b.example/"),
            json!("https:\\\\a.example/"),
            json!("https:///a.example/"),
            json!("https:a.example"),
            json!("https://a.exa\tmple/"),
            json!(" https://a.example/"),
            json!("https://a.example/\n"),
            json!("https://a.example:99999/"),
            json!(long),
        ];
        for id in hostile {
            let read = Activity::from_value(with(follow(), "id", id.clone()));
            assert!(read.is_err(), "{id}");
            let read = Object::from_value(with(note(), "id", id.clone()));
            assert!(read.is_err(), "{id}");
        }
        let absent = Activity::from_value(with(follow(), "id", Value::Null)).unwrap_err();
        assert!(matches!(absent, VocabError::Missing { property: "id" }));
        assert_eq!(
            Object::from_value(with(note(), "id", Value::Null))
                .unwrap()
                .id,
            None
        );
    }

    #[test]
    fn attack_41_reads_an_identifier_alike_however_often_it_came_before() {
        let texts = [
            "https://a.example/1",
            "HTTPS://A.example/1",
            "https://a.example:443/1",
            "https://a.example\\@b.example/1",
            "https://b.example@a.example/1",
            "https://a.example/1#x",
            "https://a.example/1 ",
            "a.example/1",
        ];
        let read = || texts.map(|text| parse_id(text).map(String::from));
        let first = read();
        let one = Some("https://a.example/1".to_owned());
        let with_fragment = Some("https://a.example/1#x".to_owned());
        let (known, odd) = ([one.clone(), one.clone(), one], [None, None]);
        assert_eq!(first[..3], known);
        assert_eq!(first[3..5], odd);
        assert_eq!(first[5..], [with_fragment, None, None]);
        for number in 0..40 {
            assert_eq!(read(), first);
            let other = format!("https://a.example/{number}");
            assert_eq!(parse_id(&other).map(String::from), Some(other));
        }
        let long = format!("https://a.example/{}", "x".repeat(MAX_ID_BYTES));
        assert_eq!((parse_id(&long), parse_id(&long)), (None, None));
    }

    #[test]
    fn attack_41_reads_a_look_alike_host_as_its_own_host() {
        let cyrillic = parse_id("https://ex\u{430}mple.org/u").unwrap();
        assert_eq!(cyrillic.host_str(), Some("xn--exmple-4nf.org"));
        assert!(!same_origin(&cyrillic, &url("https://example.org/u")));
        let upper = parse_id("HTTPS://EXAMPLE.org:443/u").unwrap();
        assert!(same_origin(&upper, &url("https://example.org/")));
        assert!(!same_origin(
            &url("http://example.org/"),
            &url("https://example.org/")
        ));
        assert!(!same_origin(
            &url("https://example.org:8443/"),
            &url("https://example.org/")
        ));
    }

    #[test]
    fn attack_42_gives_json_ld_tricks_no_effect() {
        let aliased = json!({"@id": "https://a.example/f/1", "@type": "Follow",
            "actor": "https://a.example/u/alice", "object": "https://b.example/u/bob"});
        assert!(Activity::from_value(aliased).is_err());
        let graph = json!({"@graph": [follow()]});
        assert!(Activity::from_value(graph).is_err());
        let redefined = with(
            follow(),
            "@context",
            json!({"actor": "as:object", "object": "as:actor"}),
        );
        let read = Activity::from_value(redefined).unwrap();
        assert_eq!(read.actor, url("https://a.example/u/alice"));
    }

    #[test]
    fn attack_59_refuses_endless_lists() {
        let many: Vec<String> = (0..=MAX_ENTRIES)
            .map(|n| format!("https://a.example/{n}"))
            .collect();
        for property in ["to", "cc", "bto", "bcc", "audience", "object"] {
            let read = Activity::from_value(with(follow(), property, json!(many)));
            assert!(
                matches!(read, Err(VocabError::TooMany { .. })),
                "{property}"
            );
        }
        let tags: Vec<Value> = (0..=MAX_ENTRIES)
            .map(|_| json!({"type": "Mention"}))
            .collect();
        for property in ["tag", "attachment"] {
            let read = Object::from_value(with(note(), property, json!(tags)));
            assert!(
                matches!(read, Err(VocabError::TooMany { .. })),
                "{property}"
            );
        }
    }
}

mod shapes {
    use super::*;

    #[test]
    fn reads_single_values_as_lists_and_writes_one_shape() {
        let read = Activity::from_value(with(follow(), "to", json!("as:Public"))).unwrap();
        assert_eq!(read.to, vec![public_url()]);
        assert!(read.is_public());
        assert_eq!(read.to_value()["to"], json!([PUBLIC]));
        assert_eq!(read.to_value()["@context"], json!(ACTIVITY_STREAMS));
    }

    #[test]
    fn allows_exactly_one_actor() {
        let embedded = json!([{"type": "Person", "id": "https://a.example/u/alice"}]);
        let read = Activity::from_value(with(follow(), "actor", embedded.clone())).unwrap();
        assert_eq!(read.actor, url("https://a.example/u/alice"));
        assert_eq!(read.to_value()["actor"], embedded);
        let two = json!(["https://a.example/u/alice", "https://a.example/u/bob"]);
        assert!(Activity::from_value(with(follow(), "actor", two)).is_err());
        assert!(Activity::from_value(with(follow(), "actor", json!("alice"))).is_err());
    }

    #[test]
    fn passes_over_recipients_that_are_no_urls_but_gives_them_back() {
        let to = json!(["did:key:z6Mk", {"id": "https://b.example/u/bob"}, 7]);
        let mut read = Activity::from_value(with(follow(), "to", to.clone())).unwrap();
        assert_eq!(read.to, vec![url("https://b.example/u/bob")]);
        assert_eq!(read.to_value()["to"], to);
        read.to.clear();
        assert_eq!(read.to_value().get("to"), None);
    }

    #[test]
    fn gives_times_back_as_they_came_until_they_change() {
        let exact = "2026-11-20T16:07:10.882160Z";
        let mut read = Object::from_value(with(note(), "published", json!(exact))).unwrap();
        assert_eq!(read.published, Timestamp::parse_rfc3339(exact));
        assert_eq!(read.to_value()["published"], exact);
        read.published = Some(Timestamp::from_millis(0));
        assert_eq!(read.to_value()["published"], "1970-01-01T00:00:00.000Z");
        for text in ["2026-11-20T16:07:10Z", "2026-11-20T17:07:10.000+01:00"] {
            let mut read = Object::from_value(with(note(), "published", json!(text))).unwrap();
            assert_eq!(read.to_value()["published"], text);
            read.updated = read.published;
            assert_eq!(read.to_value()["published"], text);
            assert_eq!(read.to_value()["updated"], "2026-11-20T16:07:10.000Z");
            read.published = None;
            assert_eq!(read.to_value().get("published"), None);
        }
        let naive = Object::from_value(with(note(), "published", json!("2026-11-20T16:07:10")));
        assert!(naive.unwrap().published.is_some());
    }

    #[test]
    fn keeps_unknown_properties_and_names_them() {
        let create = json!({
            "id": "https://a.example/c/1", "type": ["Create", "ex:Make"], "actor": "https://a.example/u/alice",
            "object": with(note(), "sensitive", json!(true)), "ex:mood": {"deep": [1, null]}, "ex:nothing": null,
        });
        let read = Activity::from_value(create).unwrap();
        assert_eq!(read.kind, ActivityKind::Create);
        assert_eq!(
            read.unknown_fields(),
            ["ex:mood", "ex:nothing", "object.sensitive"]
        );
        let written = read.to_value();
        assert_eq!(written["ex:mood"], json!({"deep": [1, null]}));
        assert_eq!(written["type"], json!(["Create", "ex:Make"]));
        assert_eq!(Activity::from_value(written).unwrap().object, read.object);
    }

    #[test]
    fn embeds_activities_and_reads_them_again() {
        let follow = Activity::from_value(follow()).unwrap();
        let undo = Activity::undo(url("https://a.example/undo/1"), &follow);
        let inner = undo.object[0].as_activity().unwrap().unwrap();
        assert_eq!(inner, follow);
        assert_eq!(undo.to_value()["object"]["type"], "Follow");
        assert_eq!(undo.to_value()["object"].get("@context"), None);
        assert!(undo.object[0].as_object().unwrap().looks_like_activity());
    }

    #[test]
    fn reads_keys_of_both_kinds_and_links_them_to_their_owner() {
        let actor = json!({
            "id": "https://a.example/u/alice", "type": "Person", "inbox": "https://a.example/u/alice/inbox",
            "publicKey": [{"id": "https://a.example/u/alice#main-key", "owner": "https://a.example/u/alice", "publicKeyPem": "PEM"}],
            "assertionMethod": [
                {"id": "https://a.example/u/alice#ed", "type": "Multikey", "controller": "https://a.example/u/alice", "publicKeyMultibase": "z6Mk"},
                {"id": "https://a.example/u/alice#bob", "type": "Multikey", "controller": "https://a.example/u/bob", "publicKeyMultibase": "z6Mk"},
            ],
            "endpoints": {"sharedInbox": "https://a.example/inbox", "proxyUrl": "https://a.example/proxy"},
        });
        let read = Actor::from_value(actor.clone()).unwrap();
        assert_eq!(read.public_keys.len(), 3);
        assert_eq!(read.shared_inbox, Some(url("https://a.example/inbox")));
        assert!(
            read.key(&url("https://a.example/u/alice#main-key"))
                .is_some()
        );
        assert!(read.key(&url("https://a.example/u/alice#ed")).is_some());
        assert!(read.key(&url("https://a.example/u/alice#bob")).is_none());
        let written = read.to_value();
        assert_eq!(written["publicKey"], actor["publicKey"][0]);
        for property in ["assertionMethod", "endpoints"] {
            assert_eq!(written[property], actor[property]);
        }
        let inside = with(actor, "inbox", json!("javascript:x"));
        assert!(Actor::from_value(inside).is_err());
    }

    #[test]
    fn keys_in_the_wrong_place_are_kept_and_not_used() {
        let key = |id: &str| {
            json!({"id": format!("https://a.example/u/alice#{id}"), "controller": "https://a.example/u/alice",
                "publicKeyPem": "PEM", "publicKeyMultibase": "z6Mk"})
        };
        let only_pem = json!({"id": "https://a.example/u/alice#c", "owner": "https://a.example/u/alice", "publicKeyPem": "PEM"});
        let actor = json!({
            "id": "https://a.example/u/alice", "type": "Person", "inbox": "https://a.example/i",
            "publicKey": key("a"), "assertionMethod": [key("b"), only_pem],
        });
        let read = Actor::from_value(actor.clone()).unwrap();
        let materials: Vec<_> = read.public_keys.iter().map(|key| &key.material).collect();
        assert_eq!(
            materials,
            [
                &KeyMaterial::Pem("PEM".into()),
                &KeyMaterial::Multibase("z6Mk".into())
            ]
        );
        let written = read.to_value();
        for property in ["publicKey", "assertionMethod"] {
            assert_eq!(written[property], actor[property]);
        }
        assert_eq!(
            Actor::from_value(written.clone()).unwrap().to_value(),
            written
        );
    }

    #[test]
    fn tells_key_documents_from_actors() {
        let key = json!({"id": "https://a.example/k", "owner": "https://a.example/u/alice", "publicKeyPem": "PEM"});
        let read = KeyDocument::parse(key.to_string().as_bytes()).unwrap();
        assert!(
            matches!(read, KeyDocument::Key(key) if key.owner == url("https://a.example/u/alice"))
        );
        let stub = json!({"id": "https://a.example/u/alice", "publicKey": key});
        let read = KeyDocument::parse(stub.to_string().as_bytes()).unwrap();
        assert_eq!(read, KeyDocument::Actor(url("https://a.example/u/alice")));
    }

    #[test]
    fn reads_collections_with_their_pages_inside() {
        let outer = json!({
            "id": "https://a.example/c", "type": "OrderedCollection", "totalItems": 2,
            "first": {"type": "OrderedCollectionPage", "orderedItems": "https://a.example/n/1", "next": "https://a.example/c?p=2"},
        });
        let read = Collection::from_value(outer).unwrap();
        let Some(PageOrId::Page(page)) = &read.first else {
            panic!("expected an embedded page");
        };
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.next, Some(url("https://a.example/c?p=2")));
        assert!(matches!(
            Collection::from_value(note()),
            Err(VocabError::WrongKind { .. })
        ));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[^\u{0}]{0,12}".prop_map(Value::String),
        "https://[a-z]{1,4}\\.example/[a-z]{0,4}".prop_map(Value::String),
    ];
    let key = prop_oneof![
        "[^\u{0}]{0,6}",
        prop::sample::select(vec![
            "id",
            "type",
            "actor",
            "object",
            "to",
            "tag",
            "attributedTo",
            "inbox",
            "publicKey",
            "published",
            "endpoints",
            "url",
            "first",
            "orderedItems",
            "attachment",
            "icon",
            "name",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::hash_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn never_panics_on_text_like_json(text in r#"[\[\]{}:,"\\u0-9a-fdA-F.eE+\- \n]{0,64}"#) {
        if let Ok(value) = parse_value(text.as_bytes()) {
            prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
        }
    }

    #[test]
    fn agrees_with_the_plain_reader_on_valid_documents(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(parse_value(text.as_bytes()).unwrap(), value);
    }

    #[test]
    fn reading_what_was_written_changes_nothing(value in any_json()) {
        let base = json!({"id": "https://a.example/1", "type": "Create",
            "actor": "https://a.example/u", "inbox": "https://a.example/i"});
        let mut map = base.as_object().unwrap().clone();
        map.extend(value.as_object().cloned().unwrap_or_default());
        let value = Value::Object(map);
        if let Ok(read) = Activity::from_value(value.clone()) {
            prop_assert_eq!(&Activity::from_value(read.to_value()).unwrap().to_value(), &read.to_value());
        }
        if let Ok(read) = Object::from_value(value.clone()) {
            prop_assert_eq!(&Object::from_value(read.to_value()).unwrap().to_value(), &read.to_value());
        }
        if let Ok(read) = Actor::from_value(value) {
            prop_assert_eq!(&Actor::from_value(read.to_value()).unwrap().to_value(), &read.to_value());
        }
    }
}
