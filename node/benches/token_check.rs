//! What a checked access token costs beside the ES256 verification in it, and whether checks and
//! refreshes stay as fast with a million sessions in the table.
//!
//! `cargo bench -p node --bench token_check`. PostgreSQL is measured when `FOLKMOOT_TEST_POSTGRES`
//! names a server; `FOLKMOOT_TEST_SESSIONS` says another number than a million. Ratios hold;
//! absolute figures are those of the machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table, takes its size from the environment and stops at a failure"
)]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Backend, Connection, DatabaseError};
use federation_core::testing::{TEST_POSTGRES, TestDatabase};
use folkmoot::app::{App, listen};
use folkmoot::auth::caller::Caller;
use folkmoot::auth::model::OpaqueToken;
use folkmoot::auth::rotation;
use folkmoot::base::ids::{SessionId, UserId};
use folkmoot::config::{Config, Secret};
use folkmoot::platform::db::schema::{refresh_tokens, token_keys};
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::sha::sha256;

/// Accounts that share the sessions.
const ACCOUNTS: usize = 10_000;
/// Sessions that are looked at one after another.
const LOOKED_AT: usize = 500;
/// Microseconds a check may take once everything is warm.
const WARM_BAR: f64 = 20.0;

fn main() {
    let sessions = std::env::var("FOLKMOOT_TEST_SESSIONS");
    let most = sessions.map_or(1_000_000, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("{backend}: set {TEST_POSTGRES} to measure it");
            continue;
        }
        runtime.block_on(measure(backend, most));
    }
}

async fn measure(backend: Backend, most: usize) {
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
    fill_accounts(&app).await;
    fill(&app, 0, 1000).await;
    cpu_per_token(&app, backend).await;
    println!(
        "| {backend}, sessions in the table | check, session not remembered, p50 | refresh, p50 |"
    );
    println!("|---|---|---|");
    let few = times(&app, 0).await;
    println!("| 1,000 | {:.0?} | {:.0?} |", few.0, few.1);
    fill(&app, 1000, most).await;
    let many = times(&app, most - LOOKED_AT).await;
    println!("| {most} | {:.0?} | {:.0?} |", many.0, many.1);
    let ratio = |many: Duration, few: Duration| many.as_secs_f64() / few.as_secs_f64();
    println!(
        "| ratio | {:.2} | {:.2} |",
        ratio(many.0, few.0),
        ratio(many.1, few.1)
    );
    app.stop().await;
}

fn session(number: usize) -> SessionId {
    format!("00000000-0000-7000-8000-{number:012x}")
        .parse()
        .unwrap()
}

fn account(number: usize) -> UserId {
    let number = number % ACCOUNTS;
    format!("00000000-0000-7000-9000-{number:012x}")
        .parse()
        .unwrap()
}

/// Time that this thread spent on a processor: what the check costs, whatever else runs.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = text.split(' ').next().unwrap().parse().unwrap();
    Duration::from_nanos(nanoseconds)
}

/// Microseconds of each of `count` turns.
fn each(count: u32, spent: Duration) -> f64 {
    spent.as_secs_f64() * 1e6 / f64::from(count)
}

async fn cpu_per_token(app: &App, backend: Backend) {
    let (tokens, gate) = (&app.parts().auth.tokens, app.ctx().authenticator());
    let issue = |number| {
        let now = app.ctx().now();
        tokens
            .issue(account(number), session(number), None, now)
            .unwrap()
    };
    let token = issue(1);
    let verify = verification(app, &token).await;
    let bare = 2_000;
    let started = on_processor();
    for _ in 0..bare {
        assert!(verify());
    }
    let bare = each(bare, on_processor().saturating_sub(started));
    // The same session with a new token each time: the signature is checked, the session is known.
    let fresh: Vec<String> = (0..2_000)
        .map(|second| {
            let now = Timestamp::from_millis(app.ctx().now().as_millis() - second * 1000 % 600_000);
            tokens.issue(account(1), session(1), None, now).unwrap()
        })
        .collect();
    let started = on_processor();
    for token in &fresh {
        gate.authenticate(token).await.unwrap();
    }
    let first = each(2_000, on_processor().saturating_sub(started));
    let warm = 100_000;
    let started = on_processor();
    for _ in 0..warm {
        gate.authenticate(&token).await.unwrap();
    }
    let warm = each(warm, on_processor().saturating_sub(started));
    println!("| {backend}, CPU per token | µs | of the verification |");
    println!("|---|---|---|");
    println!("| ES256 verification alone | {bare:.2} | 1.00 |");
    println!(
        "| check of a token seen for the first time | {first:.2} | {:.2} |",
        first / bare
    );
    println!(
        "| check of a token seen before | {warm:.2} | {:.3} |",
        warm / bare
    );
    println!(
        "bar: a token seen before under {WARM_BAR} µs: {}",
        if warm < WARM_BAR { "held" } else { "BROKEN" }
    );
    println!();
    assert!(warm < WARM_BAR, "{warm}");
}

/// The verification that is inside each check, on OpenSSL alone.
async fn verification(app: &App, token: &str) -> impl Fn() -> bool {
    let read = |connection: &mut Connection| {
        let row = token_keys::table.select(token_keys::public_key);
        Ok::<Vec<u8>, DatabaseError>(row.first(connection)?)
    };
    let key = EcKey::public_key_from_der(&app.ctx().db().read(read).await.unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signed = signed.to_owned();
    let signature = BASE64URL.decode(signature).unwrap();
    move || {
        let number = |bytes: &[u8]| BigNum::from_slice(bytes).unwrap();
        let (r, s) = (number(&signature[..32]), number(&signature[32..]));
        let signature = EcdsaSig::from_private_components(r, s).unwrap();
        let hash = sha256(signed.as_bytes());
        signature.verify(&hash, &key).unwrap()
    }
}

/// Medians of a check whose session is not remembered, and of a refresh.
async fn times(app: &App, from: usize) -> (Duration, Duration) {
    let (ctx, auth) = (app.ctx(), &app.parts().auth);
    let now = ctx.now();
    let mut checks = Vec::new();
    let mut refreshes = Vec::new();
    for number in from..from + LOOKED_AT {
        let token = auth
            .tokens
            .issue(account(number), session(number), None, now);
        let token = token.unwrap();
        let started = Instant::now();
        ctx.authenticator().authenticate(&token).await.unwrap();
        checks.push(started.elapsed());
    }
    for number in from..from + LOOKED_AT {
        let refresh = OpaqueToken::generate().unwrap();
        let stored = refresh.clone();
        let insert = move |connection: &mut Connection| {
            diesel::insert_into(refresh_tokens::table)
                .values((
                    refresh_tokens::token_hash.eq(stored.hash()),
                    refresh_tokens::session_id.eq(session(number)),
                    refresh_tokens::created_at.eq(0),
                ))
                .execute(connection)
                .map_err(DatabaseError::from)
        };
        ctx.db().write(insert).await.unwrap();
        let caller = Caller {
            user_agent: String::new(),
            address: [127, 0, 0, 1].into(),
            request: None,
        };
        let started = Instant::now();
        let pair = rotation::refresh(ctx, auth, refresh.expose(), caller).await;
        refreshes.push(started.elapsed());
        pair.unwrap();
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    (median(checks), median(refreshes))
}

async fn run(app: &App, statement: String) {
    let write = move |connection: &mut Connection| {
        diesel::sql_query(statement.as_str())
            .execute(connection)
            .map_err(DatabaseError::from)
    };
    app.ctx().db().write(write).await.unwrap();
}

/// Numbers from `from` up to `to` as a table `numbers(n)`, and how a number becomes hexadecimal.
fn numbers(app: &App, from: usize, to: usize) -> (String, &'static str) {
    let last = to - 1;
    match app.ctx().db().backend() {
        Backend::Sqlite => (
            format!(
                "WITH RECURSIVE numbers(n) AS \
                 (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
            ),
            "printf('%012x', X)",
        ),
        Backend::Postgres => (
            format!("WITH numbers(n) AS (SELECT generate_series({from}, {last}))"),
            "lpad(to_hex(X), 12, '0')",
        ),
    }
}

async fn fill_accounts(app: &App) {
    let (numbers, hex) = numbers(app, 0, ACCOUNTS);
    let hex = hex.replace('X', "n");
    let columns = "id, username, actor_uri, search_key, display_name, bio, role, created_at, \
                   updated_at";
    let statement = format!(
        "{numbers} INSERT INTO users ({columns}) SELECT '00000000-0000-7000-9000-' || {hex}, \
         'u' || n, 'http://moot.example/users/u' || n, 'u' || n, '', '', 'user', 0, 0 FROM numbers"
    );
    run(app, statement).await;
}

/// Sessions from number `from` up to `to`, with two refresh tokens each.
async fn fill(app: &App, from: usize, to: usize) {
    let now = app.ctx().now();
    let ends = now.plus(Duration::from_hours(24)).as_millis();
    for start in (from..to).step_by(100_000) {
        let (numbers, hex) = numbers(app, start, to.min(start + 100_000));
        let (session, user) = (
            hex.replace('X', "n"),
            hex.replace('X', &format!("n % {ACCOUNTS}")),
        );
        let columns = "id, user_id, user_agent, created_at, last_used_at, expires_at";
        let statement = format!(
            "{numbers} INSERT INTO sessions ({columns}) SELECT '00000000-0000-7000-8000-' || \
             {session}, '00000000-0000-7000-9000-' || {user}, 'bench', 0, 0, {ends} FROM numbers"
        );
        run(app, statement).await;
        let random = match app.ctx().db().backend() {
            Backend::Sqlite => "randomblob(32)",
            Backend::Postgres => "sha256(random()::text::bytea)",
        };
        let statement = format!(
            "{numbers}, twice(t) AS (SELECT 1 UNION ALL SELECT 2) INSERT INTO refresh_tokens \
             (token_hash, session_id, created_at) SELECT {random}, '00000000-0000-7000-8000-' || \
             {session}, 0 FROM numbers, twice"
        );
        run(app, statement).await;
    }
    if app.ctx().db().backend() == Backend::Postgres {
        run(app, "ANALYZE".to_owned()).await;
    }
}
