//! Searching what was said: what is found, by whom, in which order, and what never fails.

use std::collections::BTreeSet;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::on_each_backend;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::world::{Answer, Member, World};
use crate::communities::village::{Village, people};

pub(super) const EVERYWHERE: &str = "/api/v1/search";

pub(super) fn of_channel(channel: &str) -> String {
    format!("/api/v1/channels/{channel}/search")
}

/// Asks with these parameters.
async fn ask(by: &Member<'_>, path: &str, parameters: &[(&str, &str)]) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    by.get(&format!("{path}?{query}")).await
}

/// The texts that are found, in the order of the answer.
pub(super) async fn found(by: &Member<'_>, path: &str, parameters: &[(&str, &str)]) -> Vec<String> {
    texts(&ask(by, path, parameters).await.expect(200))
}

fn texts(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    let text = |item: &Value| item["message"]["content"].as_str().unwrap().to_owned();
    items.iter().map(text).collect()
}

/// The same in no order.
pub(super) async fn set(by: &Member<'_>, path: &str, query: &str) -> BTreeSet<String> {
    found(by, path, &[("q", query)]).await.into_iter().collect()
}

pub(super) fn these(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn run(world: &World, statements: &'static [&'static str]) {
    let write = move |connection: &mut Connection| {
        for statement in statements {
            diesel::sql_query(*statement).execute(connection)?;
        }
        Ok::<_, DatabaseError>(())
    };
    world.app.ctx().db().write(write).await.unwrap();
}

#[test]
fn words_phrases_beginnings_and_exclusions() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let all = [
            "The **teapot** is blue",
            "A tea party, in the morning",
            "Party with tea & <b>cake</b>",
            "constantinopolitans don't drink coffee",
        ];
        for text in all {
            alice.say(&dm, text).await;
        }
        let path = of_channel(&dm);
        let cases: [(&str, &[usize]); 14] = [
            ("tea", &[0, 1, 2]),
            ("TEA party", &[1, 2]),
            ("party tea", &[1, 2]),
            ("\"tea\"", &[1, 2]),
            ("\"tea party\"", &[1]),
            ("\"party tea\"", &[]),
            ("part", &[1, 2]),
            ("tea -cake", &[1]),
            ("-\"tea party\" tea", &[0, 2]),
            ("constantinopolit", &[3]),
            ("c", &[]),
            ("don't", &[3]),
            ("dont", &[]),
            ("blue cake", &[]),
        ];
        for (query, expected) in cases {
            let expected: Vec<&str> = expected.iter().map(|index| all[*index]).collect();
            for member in [&alice, &bob] {
                let answer = set(member, &path, query).await;
                assert_eq!(answer, these(&expected), "{query}");
                assert_eq!(set(member, EVERYWHERE, query).await, answer, "{query}");
            }
        }
        let one = ask(&bob, &path, &[("q", "cake part")]).await.expect(200);
        let item = &one["items"][0];
        assert_eq!(item["message"]["channel_id"], dm.as_str());
        assert_eq!(
            item["excerpt"],
            "<mark>Party</mark> with tea &amp; &lt;b&gt;<mark>cake</mark>&lt;/b&gt;"
        );
        assert!(one["next"].is_null() && one["prev"].is_null());
    });
}

#[test]
fn letters_are_compared_without_case_and_diacritics_and_scripts_without_spaces_by_part() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let all = [
            "Crème BRÛLÉE für Zoë",
            "Привет, МИР",
            "東京都に行く",
            "京の東",
            "शुभ प्रभात",
            "สวัสดีตอนเช้า",
            "party 🎉 time",
        ];
        for text in all {
            alice.say(&dm, text).await;
        }
        let cases: [(&str, &[usize]); 13] = [
            ("creme brulee", &[0]),
            ("CRE\u{300}ME", &[0]),
            ("fur zoe", &[0]),
            ("мир", &[1]),
            ("прив", &[1]),
            ("東京", &[2]),
            ("京都", &[2]),
            ("東", &[2, 3]),
            ("京 東", &[2, 3]),
            ("प्रभात", &[4]),
            ("ตอน", &[5]),
            ("🎉", &[6]),
            ("🎊", &[]),
        ];
        for (query, expected) in cases {
            let expected: Vec<&str> = expected.iter().map(|index| all[*index]).collect();
            let answer = set(&alice, &of_channel(&dm), query).await;
            assert_eq!(answer, these(&expected), "{query}");
        }
        let answer = ask(&alice, EVERYWHERE, &[("q", "京都")]).await.expect(200);
        assert_eq!(answer["items"][0]["excerpt"], "東<mark>京都</mark>に行く");
    });
}

#[test]
fn an_edited_message_is_found_by_its_new_text_and_a_deleted_one_by_none() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "the old word").await;
        let path = format!(
            "/api/v1/channels/{dm}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        assert_eq!(set(&bob, EVERYWHERE, "old").await.len(), 1);
        alice
            .patch(&path, &json!({"content": "the new word"}))
            .await
            .expect(200);
        assert_eq!(set(&bob, EVERYWHERE, "old").await, these(&[]));
        assert_eq!(set(&bob, EVERYWHERE, "new").await, these(&["the new word"]));
        alice.delete(&path).await.expect(204);
        for word in ["old", "new", "word"] {
            assert_eq!(set(&bob, EVERYWHERE, word).await, these(&[]), "{word}");
        }
        let left = |connection: &mut Connection| {
            use folkmoot::platform::db::schema::search_entries::dsl::search_entries;
            let count: i64 = search_entries.count().get_result(connection)?;
            Ok::<_, DatabaseError>(count)
        };
        assert_eq!(world.app.ctx().db().read(left).await.unwrap(), 0);
    });
}

#[test]
fn filters_narrow_what_is_found() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let mill = village.channel(owner, &json!({"name": "mill"})).await;
        let dm = ann.dm(&["owner"]).await;
        let early = owner.say(&village.square, "bread one").await;
        let late = loop {
            let late = ann.say(&mill, "bread two").await;
            if late["created_at"] != early["created_at"] {
                break late;
            }
        };
        ann.say(&dm, "bread three").await;
        let narrowed = async |name: &str, value: &str| {
            let parameters = [("q", "bread"), ("order", "newest"), (name, value)];
            let found = found(ann, EVERYWHERE, &parameters).await;
            found.into_iter().collect::<BTreeSet<_>>()
        };
        let all = these(&["bread one", "bread two", "bread three"]);
        assert_eq!(narrowed("limit", "50").await, all);
        let of_owner = narrowed("author", &owner.id).await;
        assert_eq!(of_owner, these(&["bread one"]));
        assert_eq!(narrowed("channel", &mill).await, these(&["bread two"]));
        let in_village = narrowed("community", &village.id).await;
        assert_eq!(in_village, these(&["bread one", "bread two"]));
        let moment = late["created_at"].as_str().unwrap();
        let before = narrowed("before_date", moment).await;
        assert!(before.contains("bread one") && !before.contains("bread three"));
        let after = narrowed("after_date", moment).await;
        assert_eq!(after, these(&["bread two", "bread three"]));
        assert_eq!(narrowed("after_date", "2100-01-01").await, these(&[]));
        assert_eq!(narrowed("before_date", "2001-01-01").await, these(&[]));
        assert_eq!(narrowed("has_attachment", "true").await, these(&[]));
        assert_eq!(narrowed("has_attachment", "false").await, all);
        for (name, value) in [
            ("author", "ann"),
            ("order", "best"),
            ("has_attachment", "1"),
            ("before", "x"),
            ("community", "x"),
            ("unknown", "x"),
        ] {
            let answer = ask(ann, EVERYWHERE, &[("q", "bread"), (name, value)]).await;
            answer.expect_problem(400, "invalid_query");
        }
        let yesterday = [("q", "bread"), ("after_date", "yesterday")];
        let answer = ask(ann, EVERYWHERE, &yesterday).await;
        answer.expect_problem(400, "invalid_search");
        let twice = [("q", "bread"), ("channel", mill.as_str())];
        let answer = ask(ann, &of_channel(&mill), &twice).await;
        answer.expect_problem(400, "invalid_query");
        let elsewhere = [
            ("q", "bread"),
            ("channel", dm.as_str()),
            ("community", village.id.as_str()),
        ];
        let answer = ask(ann, EVERYWHERE, &elsewhere).await;
        answer.expect_problem(404, "not_found");
    });
}

#[test]
fn attack_nobody_finds_what_they_may_not_read() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "eve"]).await;
        let [owner, ann, eve] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let square = format!("/api/v1/channels/{}", village.square);
        owner.say(&village.square, "the secret recipe").await;
        let dm = ann.dm(&["owner"]).await;
        ann.say(&dm, "a secret between us").await;
        let of_square = of_channel(&village.square);
        let both = these(&["the secret recipe", "a secret between us"]);
        assert_eq!(set(ann, EVERYWHERE, "secret").await, both);
        // Strangers find nothing, wherever they look.
        assert_eq!(set(eve, EVERYWHERE, "secret").await, these(&[]));
        let secret = [("q", "secret")];
        for path in [&of_square, &of_channel(&dm)] {
            ask(eve, path, &secret)
                .await
                .expect_problem(404, "not_found");
        }
        let (channel, community) = (village.square.as_str(), village.id.as_str());
        for named in [
            ("channel", channel),
            ("channel", dm.as_str()),
            ("community", community),
        ] {
            let answer = ask(eve, EVERYWHERE, &[("q", "secret"), named]).await;
            answer.expect_problem(404, "not_found");
        }
        // Those who run the node find nothing in conversations of others.
        assert_eq!(
            set(&operator, &of_square, "secret").await,
            these(&["the secret recipe"])
        );
        ask(&operator, &of_channel(&dm), &secret)
            .await
            .expect_problem(404, "not_found");
        assert_eq!(set(&operator, EVERYWHERE, "between").await, these(&[]));
        // Who may not read back finds nothing there, from the next request on.
        let everyone = village.everyone(owner).await;
        let of_everyone = format!("{square}/overrides/roles/{everyone}");
        let deny = json!({"deny": ["read_history"]});
        owner.put(&of_everyone, &deny).await.expect(204);
        let dms_alone = these(&["a secret between us"]);
        assert_eq!(set(ann, EVERYWHERE, "secret").await, dms_alone);
        ask(ann, &of_square, &secret)
            .await
            .expect_problem(403, "missing_permission");
        owner.delete(&of_everyone).await.expect(204);
        assert_eq!(set(ann, EVERYWHERE, "secret").await, both);
        // So does who does not see the channel any more, and who left.
        let private = |is_private: bool| json!({"is_private": is_private});
        owner.patch(&square, &private(true)).await.expect(200);
        assert_eq!(set(ann, EVERYWHERE, "secret").await, dms_alone);
        ask(ann, &of_square, &secret)
            .await
            .expect_problem(404, "not_found");
        owner.patch(&square, &private(false)).await.expect(200);
        assert_eq!(set(ann, EVERYWHERE, "secret").await, both);
        ann.delete(&village.path("/members/@me")).await.expect(204);
        assert_eq!(set(ann, EVERYWHERE, "secret").await, dms_alone);
        // A channel that is gone is not searched.
        owner.delete(&square).await.expect(204);
        assert_eq!(set(owner, EVERYWHERE, "secret").await, dms_alone);
    });
}

/// A page of notes.
async fn notes(by: &Member<'_>, order: &str, cursor: Option<(&str, &str)>) -> Value {
    let mut parameters = vec![("q", "note"), ("order", order), ("limit", "4")];
    parameters.extend(cursor);
    ask(by, EVERYWHERE, &parameters).await.expect(200)
}

#[test]
fn pages_lead_through_all_answers_without_loss_or_repetition() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let mut said = Vec::new();
        for index in 0..13 {
            // Of different length, so that they do not all answer equally well.
            let text = format!("note {index}{}", " and more".repeat(index % 4));
            alice.say(&dm, &text).await;
            said.push(text);
        }
        for order in ["newest", "rank"] {
            let mut pages = vec![notes(&alice, order, None).await];
            alice.say(&dm, "note: the newest of all").await;
            while let Some(next) = pages.last().unwrap()["next"].as_str().map(str::to_owned) {
                pages.push(notes(&alice, order, Some(("before", next.as_str()))).await);
            }
            let all: Vec<String> = pages.iter().flat_map(texts).collect();
            let distinct: BTreeSet<&String> = all.iter().collect();
            assert_eq!(all.len(), said.len(), "{order}: {all:?}");
            assert_eq!(distinct, said.iter().collect(), "{order}");
            if order == "newest" {
                assert!(all.iter().eq(said.iter().rev()), "{all:?}");
            } else {
                let length = |text: &String| text.split(' ').count();
                assert!(all.is_sorted_by_key(length), "{all:?}");
            }
            // And back.
            for pair in pages.windows(2).rev() {
                let prev = pair[1]["prev"].as_str().unwrap();
                let back = notes(&alice, order, Some(("after", prev))).await;
                assert_eq!(texts(&back), texts(&pair[0]), "{order}");
            }
            said.push("note: the newest of all".to_owned());
            said.dedup();
        }
    });
}

#[test]
fn what_was_written_before_the_index_is_entered_whenever_it_was() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let said: Vec<String> = (0..12).map(|index| format!("log {index}")).collect();
        for text in &said {
            alice.say(&dm, text).await;
        }
        let gone = alice.say(&dm, "log that is gone").await;
        let gone = gone["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/channels/{dm}/messages/{gone}");
        alice.delete(&path).await.expect(204);
        // Three at one moment, the others from minutes to decades apart.
        run(
            &world,
            &[
                "DELETE FROM search_words",
                "DELETE FROM search_entries",
                "UPDATE messages SET created_at = 1700000000000 \
                 - (CAST(1 AS BIGINT) << (CAST(4 * (13 - seq) AS INTEGER))) WHERE seq > 3",
                "UPDATE messages SET created_at = 86400000 WHERE seq <= 3",
                "INSERT INTO search_gaps (message_id) SELECT MAX(id) FROM messages",
            ],
        )
        .await;
        let newest = [("q", "log"), ("order", "newest")];
        assert_eq!(found(&alice, EVERYWHERE, &newest).await, [""; 0]);
        folkmoot::messages::search::fill(world.app.ctx().clone()).await;
        let all = found(&alice, EVERYWHERE, &newest).await;
        let expected: Vec<&String> = said.iter().skip(3).rev().collect();
        assert!(all[..9].iter().eq(expected), "{all:?}");
        let oldest: BTreeSet<&String> = all[9..].iter().collect();
        assert_eq!(oldest, said[..3].iter().collect());
        // Page by page from either end the order is the same.
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut parameters = vec![("q", "log"), ("order", "newest"), ("limit", "2")];
            if !cursor.is_empty() {
                parameters.push(("before", cursor.as_str()));
            }
            let page = ask(&alice, EVERYWHERE, &parameters).await.expect(200);
            pages.extend(texts(&page));
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(pages, all);
        let upwards = [
            ("q", "log"),
            ("order", "newest"),
            ("after", "0.0.0"),
            ("limit", "5"),
        ];
        assert_eq!(found(&alice, EVERYWHERE, &upwards).await, all[7..]);
        let since = [("q", "log"), ("after_date", "1990-01-01")];
        assert_eq!(found(&alice, EVERYWHERE, &since).await.len(), 9);
        assert_eq!(found(&alice, EVERYWHERE, &[("q", "gone")]).await, [""; 0]);
    });
}

/// Queries that nobody should be able to do harm with.
fn hostile() -> Vec<String> {
    let mut queries: Vec<String> = [
        "\"",
        "\"\"\"",
        "a\"b",
        "' OR 1=1 --",
        "a & b | !c",
        "foo:*",
        "NEAR(a b)",
        "a* b*",
        "words : x",
        "^a",
        "a + b",
        "{a b}",
        "<x",
        "=c0",
        "\\'",
        "a\\",
        "(",
        "a AND NOT",
        "🏳️‍🌈",
        "\u{feff}a",
        "ﷺ",
        "a\0b",
        "\u{1}",
        "İstanbul",
        "ß ẞ ς",
        "㊀a ⅷ ①",
    ]
    .map(str::to_owned)
    .to_vec();
    queries.push("字".repeat(200));
    queries.push("a-".repeat(100));
    let mut runner = TestRunner::deterministic();
    let patterns = [
        "\\PC{1,40}",
        "[-\"'()*:^+&|!<>\\\\a ]{1,30}",
        "(?s:.{1,60})",
    ];
    for pattern in patterns {
        for _ in 0..40 {
            queries.push(pattern.new_tree(&mut runner).unwrap().current());
        }
    }
    queries
}

#[test]
fn attack_no_query_is_an_error_of_the_database() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        for query in &hostile() {
            for order in ["rank", "newest"] {
                let answer = ask(
                    &alice,
                    EVERYWHERE,
                    &[("q", query.as_str()), ("order", order)],
                )
                .await;
                if answer.status != 200 {
                    answer.expect_problem(400, "invalid_search");
                }
            }
            // As a text it is entered, and found by its own first word.
            let sent = json!({"content": format!("needle {query}")});
            let path = format!("/api/v1/channels/{dm}/messages");
            let sent = alice.post(&path, &sent).await;
            if sent.status != 201 {
                sent.expect_problem(422, "invalid_content");
            }
        }
        assert_eq!(
            found(&alice, EVERYWHERE, &[("q", "needle")]).await.len(),
            50
        );
        for (query, code) in [
            ("", "invalid_search"),
            ("-a", "invalid_search"),
            (&*"a".repeat(201), "invalid_search"),
            (&*"a ".repeat(11), "invalid_search"),
        ] {
            let answer = ask(&alice, EVERYWHERE, &[("q", query)]).await;
            answer.expect_problem(400, code);
        }
        let answer = alice.get(EVERYWHERE).await;
        answer.expect_problem(400, "invalid_query");
    });
}

#[test]
fn searches_have_a_limit_of_their_own() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let limit = |answer: &Answer| {
            answer.headers["ratelimit-policy"]
                .to_str()
                .unwrap()
                .to_owned()
        };
        let searched = ask(&alice, EVERYWHERE, &[("q", "x")]).await;
        assert!(limit(&searched).contains("\"search-account\";q=600"));
        let read = alice.get("/api/v1/channels").await;
        assert!(!limit(&read).contains("search"));
    });
}
