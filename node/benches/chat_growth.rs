//! Whether pages of history and searches stay as fast with a long history as with a short one.
//!
//! `cargo bench -p node --bench chat_growth`. PostgreSQL is measured when `FOLKMOOT_TEST_POSTGRES`
//! names a server. 1,000 messages are compared with 100,000 and, when `FOLKMOOT_TEST_MESSAGES`
//! says so (10000000), with that many. Ratios hold; absolute figures are those of the machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table, takes its size from the environment and stops at a failure"
)]

use std::time::{Duration, Instant};

use diesel::prelude::*;
use federation_core::store::sql::{Backend, Connection, DatabaseError};
use federation_core::testing::{TEST_POSTGRES, TestDatabase};
use folkmoot::app::{App, listen};
use folkmoot::base::ids::{ChannelId, MessageId, UserId};
use folkmoot::base::page::PageQuery;
use folkmoot::communities;
use folkmoot::config::{Config, Secret};
use folkmoot::messages;
use folkmoot::messages::search::actions::{Order, Search, search};
use folkmoot::messages::search::query::Query;
use folkmoot::messages::search::scope::Within;

/// Channels that share the messages.
const CHANNELS: usize = 10;
/// Milliseconds between two messages: ten million take two years.
const APART: usize = 6300;
/// How often each thing is done and measured.
const TURNS: usize = 200;
/// How many times as long the median may take as with 1,000 messages.
const BAR: f64 = 2.0;
/// The member who wrote everything, and asks.
const MEMBER: &str = "00000000-0000-7000-9000-000000000001";

fn main() {
    let most = std::env::var("FOLKMOOT_TEST_MESSAGES");
    let most: usize = most.map_or(100_000, |text| text.parse().unwrap());
    let mut sizes: Vec<usize> = [1_000, 100_000, most]
        .into_iter()
        .filter(|size| *size <= most)
        .collect();
    sizes.dedup();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut broken = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("{backend}: set {TEST_POSTGRES} to measure it");
            continue;
        }
        broken.extend(runtime.block_on(measure(backend, &sizes)));
    }
    assert!(broken.is_empty(), "over {BAR} times: {broken:#?}");
}

/// Median and 99th percentile of one thing.
type Figures = (Duration, Duration);

/// Prints a table; answers what takes too much longer.
async fn measure(backend: Backend, sizes: &[usize]) -> Vec<String> {
    let test = TestDatabase::create(backend);
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config {
        data_dir: directory.path().to_owned(),
        ..Config::default()
    };
    config.server.bind = ([127, 0, 0, 1], 0).into();
    config.database.url = Some(Secret::new(test.url_text()));
    let listener = listen(&config).await.unwrap();
    let app = App::start(config, listener).await.unwrap();
    let years = Duration::from_hours(2 * 366 * 24);
    let start = app.ctx().now().minus(years).as_millis();
    settle(&app).await;
    println!("| {backend} | messages | p50 | p99 | p50 ratio | p99 ratio |");
    println!("|---|---|---|---|---|---|");
    let mut first: Option<Vec<(&str, Figures)>> = None;
    let mut broken = Vec::new();
    let mut from = 0;
    for size in sizes {
        let filling = Instant::now();
        fill(&app, start, (from, *size)).await;
        from = (*size).max(from);
        println!("| filled | {size} | {:.1?} | | | |", filling.elapsed());
        let figures = times(&app, *size).await;
        let few = first.get_or_insert_with(|| figures.clone());
        for ((what, (p50, p99)), (_, (few50, few99))) in figures.iter().zip(few.iter()) {
            let ratio = |many: &Duration, few: &Duration| many.as_secs_f64() / few.as_secs_f64();
            let (median, tail) = (ratio(p50, few50), ratio(p99, few99));
            println!("| {what} | {size} | {p50:.0?} | {p99:.0?} | {median:.2} | {tail:.2} |");
            if median > BAR {
                broken.push(format!("{backend}, {what}, {size}: {median:.2}"));
            }
        }
    }
    println!();
    app.stop().await;
    broken
}

/// Everything that is measured, with its figures.
async fn times(app: &App, size: usize) -> Vec<(&'static str, Figures)> {
    let middle = message(size / 2 / 100 * 100);
    let searches = [
        ("search, rare word", "rarity", Order::Rank),
        ("search, common word", "common", Order::Rank),
        ("search, common word, newest first", "common", Order::Newest),
        ("search, beginning of a word", "comm", Order::Rank),
        ("search, phrase", "\"good morning\"", Order::Rank),
        ("search, exclusion", "common -v17", Order::Newest),
    ];
    let mut figures = Vec::new();
    let mut pages = Vec::new();
    for before in [None, Some(middle)] {
        let mut spent = Vec::new();
        for turn in 0..TURNS {
            let place = (member(), channel(if before.is_some() { 0 } else { turn }));
            let query = page(before);
            let started = Instant::now();
            let found = messages::showing::list(app.ctx(), &app.parts().known, place, query).await;
            spent.push(started.elapsed());
            assert_eq!(found.unwrap().items.len(), 50);
        }
        pages.push(percentiles(spent));
    }
    figures.push(("history, first page", pages[0]));
    figures.push(("history, page in the middle", pages[1]));
    for (what, text, order) in searches {
        let mut spent = Vec::new();
        for _ in 0..TURNS {
            let asked = Search {
                query: Query::parse(text).unwrap(),
                within: Within::default(),
                author: None,
                since: None,
                until: None,
                has_attachment: None,
                order,
            };
            let started = Instant::now();
            let found = search(app.ctx(), member(), asked, page(None)).await;
            spent.push(started.elapsed());
            assert!(found.unwrap().items.len() >= 20, "{what}");
        }
        figures.push((what, percentiles(spent)));
    }
    figures
}

fn page<Id>(before: Option<Id>) -> PageQuery<Id> {
    PageQuery {
        before,
        after: None,
        limit: None,
    }
}

fn percentiles(mut spent: Vec<Duration>) -> Figures {
    spent.sort();
    (spent[spent.len() / 2], spent[spent.len() * 99 / 100])
}

fn member() -> UserId {
    MEMBER.parse().unwrap()
}

fn channel(number: usize) -> ChannelId {
    let number = number % CHANNELS;
    format!("00000000-0000-7000-b000-{number:012x}")
        .parse()
        .unwrap()
}

fn message(number: usize) -> MessageId {
    format!("00000000-0000-7000-a000-{number:012x}")
        .parse()
        .unwrap()
}

async fn run(app: &App, statement: String) {
    let write = move |connection: &mut Connection| {
        diesel::sql_query(statement.as_str())
            .execute(connection)
            .map_err(DatabaseError::from)
    };
    app.ctx().db().write(write).await.unwrap();
}

/// Makes the member and the channels, in the community that every account is in.
async fn settle(app: &App) {
    let read = app.ctx().db().read(communities::store::default);
    let community = read.await.unwrap().unwrap().id;
    let columns = "id, username, actor_uri, search_key, display_name, bio, role, created_at, \
                   updated_at";
    let statement = format!(
        "INSERT INTO users ({columns}) VALUES ('{MEMBER}', 'ann', \
         'http://moot.example/users/ann', 'ann', '', '', 'user', 0, 0)"
    );
    run(app, statement).await;
    for number in 0..CHANNELS {
        let id = channel(number);
        let statement = format!(
            "INSERT INTO channels (id, kind, name, community_id, created_at, next_seq) \
             VALUES ('{id}', 'text', 'room-{number}', '{community}', 0, 100000000)"
        );
        run(app, statement).await;
    }
}

/// What a message says, by its number `n`: half of them share a word, the others a phrase; twenty
/// of the oldest hold a word that is nowhere else.
const SAYS: &str = "'v' || (n * 7919 % 5003) || ' x' || (n * 104729 % 50021) || ' y' || (n % 997) \
    || CASE WHEN n % 2 = 0 THEN ' common good cold morning' ELSE ' usual good morning' END \
    || CASE WHEN n < 1000 AND n % 50 = 7 THEN ' rarity' ELSE '' END";

/// The parts of statements in which the two databases differ.
struct Words {
    numbers: String,
    hex: &'static str,
    /// What the index holds of a message: its words, their beginnings, channel, author and times.
    indexed: String,
    column: &'static str,
}

fn words(backend: Backend, (from, to): (usize, usize)) -> Words {
    let last = to - 1;
    let member = MEMBER.replace('-', "");
    let mark = "'=c0000000000007000b000' || ";
    match backend {
        Backend::Sqlite => Words {
            numbers: format!(
                "WITH RECURSIVE numbers(n) AS \
                 (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
            ),
            hex: "printf('%012x', X)",
            indexed: format!(
                "content || ' <co <com <comm <commo <go <goo <mo <mor <morn' || ' ' || {mark} \
                 printf('%012x', n / 10 % 10) || ' =a{member}'"
            ),
            column: "rowid",
        },
        Backend::Postgres => {
            let spans: Vec<String> = [22, 25, 28, 31, 34]
                .map(|level| format!("'=t{level}x' || (written >> {level})"))
                .to_vec();
            Words {
                numbers: format!(
                    "WITH numbers(n) AS \
                     (SELECT generate_series(CAST({from} AS BIGINT), {last}))"
                ),
                hex: "lpad(to_hex(X), 12, '0')",
                indexed: format!(
                    "to_tsvector('simple', content) || array_to_tsvector(ARRAY['<co', '<com', \
                     '<comm', '<commo', '<go', '<goo', '<mo', '<mor', '<morn', \
                     {mark} lpad(to_hex(n / 10 % 10), 12, '0'), '=a{member}', {}])",
                    spans.join(", ")
                ),
                column: "number",
            }
        }
    }
}

/// Messages from number `from` up to `to`, with their entries in the index.
async fn fill(app: &App, start: i64, (from, to): (usize, usize)) {
    let backend = app.ctx().db().backend();
    if backend == Backend::Postgres {
        run(app, "DROP INDEX search_words_words_idx".to_owned()).await;
    }
    for first in (from..to).step_by(100_000) {
        let words = words(backend, (first, to.min(first + 100_000)));
        let numbers = &words.numbers;
        let id = format!(
            "'00000000-0000-7000-a000-' || {}",
            words.hex.replace('X', "n")
        );
        let channel = words.hex.replace('X', "n / 10 % 10");
        let channel = format!("'00000000-0000-7000-b000-' || {channel}");
        let at = format!("{start} + n * {APART}");
        let number = format!("((({at}) << 20) + n % 1048576)");
        let statement = format!(
            "{numbers}, said(n, content) AS (SELECT n, {SAYS} FROM numbers) \
             INSERT INTO messages (id, channel_id, seq, author_id, uri, content, html, created_at) \
             SELECT {id}, {channel}, n / 100 * 10 + n % 10 + 1, '{MEMBER}', \
             'http://moot.example/messages/' || n, content, '<p>' || content || '</p>', {at} \
             FROM said"
        );
        run(app, statement).await;
        let statement = format!(
            "{numbers} INSERT INTO search_entries (number, message_id, channel_id) \
             SELECT {number}, {id}, {channel} FROM numbers"
        );
        run(app, statement).await;
        let statement = format!(
            "{numbers}, said(n, written, content) AS (SELECT n, {at}, {SAYS} FROM numbers) \
             INSERT INTO search_words ({}, words) SELECT {number}, {} FROM said",
            words.column, words.indexed
        );
        run(app, statement).await;
    }
    if backend == Backend::Postgres {
        let index = "CREATE INDEX search_words_words_idx ON search_words USING gin (words) \
                     WITH (fastupdate = off)";
        run(app, index.to_owned()).await;
        run(app, "ANALYZE".to_owned()).await;
    }
}
