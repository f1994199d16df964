//! The hostile bytes: handmade ones, recorded requests and answers of real servers, and the seeds
//! of the fuzz targets, each as it is and changed in ways that parsers trip over.

use std::fs;
use std::path::{Path, PathBuf};

/// How often each seed is changed; less where it would take minutes.
const CHANGES: usize = if cfg!(debug_assertions) { 4 } else { 24 };

/// What is put into the middle of things.
const SPLINTERS: [&[u8]; 30] = [
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\r\n\r\n",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b",",
    b":",
    b";",
    b"=",
    b"(",
    b")",
    b"\"\"",
    b"%",
    b"%00",
    b"@",
    b"#",
    b"..",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"null",
    b"sha-256=::",
    "\u{202e}\u{fe0f}".as_bytes(),
    b"https://127.0.0.1/",
];

/// Documents and texts written to break readers.
const HANDMADE: [&str; 49] = [
    "",
    " ",
    "{",
    "{}",
    "[]",
    "null",
    "0",
    "\"\"",
    "\u{feff}{}",
    "{\"id\":null}",
    "{\"type\":[]}",
    "{\"type\":[[]]}",
    "{\"type\":\"\"}",
    "{\"type\":\"Note\",\"type\":\"Note\"}",
    "{\"type\":\"Note\",\"published\":\"9999999999-01-01T00:00:00Z\"}",
    "{\"type\":\"Note\",\"published\":\"2026-02-30T25:61:61Z\"}",
    "{\"type\":\"Note\",\"published\":\"-262144-01-01T00:00:00+23:59\"}",
    "{\"type\":\"Collection\",\"totalItems\":-1,\"items\":[[[[]]]]}",
    "{\"type\":\"Collection\",\"first\":{\"type\":\"Collection\",\"first\":{\"type\":\"Collection\"}}}",
    "{\"type\":\"Question\",\"oneOf\":[{},7,null],\"closed\":{}}",
    "{\"type\":\"Person\",\"id\":\"https://a.example/\",\"inbox\":\"https://a.example/\",\"publicKey\":[[]],\"endpoints\":[]}",
    "{\"publicKeyPem\":\"-----BEGIN PUBLIC KEY-----\\nAA==\\n-----END PUBLIC KEY-----\",\"id\":\"https://a.example/\",\"owner\":\"https://a.example/\"}",
    "{\"links\":[{\"rel\":7}]}",
    "{\"subject\":null,\"links\":null}",
    "{\"links\":[{\"rel\":\"lrdd\",\"template\":\"{uri}{uri}\"}]}",
    "{\"software\":{\"name\":\"\\u0000\"}}",
    "{\"challenge_id\":\"\",\"nonce\":\"\",\"scopes\":[],\"subject\":null}",
    "{\"active\":true,\"exp\":1e300}",
    "{\"proof\":{\"type\":\"DataIntegrityProof\",\"proofValue\":\"z\"}}",
    "{\"proof\":[{\"type\":\"DataIntegrityProof\"},{\"type\":\"DataIntegrityProof\"}]}",
    "{\"op\":\"activity\",\"seq\":1,\"target\":\"/inbox\",\"headers\":[[\"host\",\"a\\r\\nb\"]]}\n{}",
    "{\"op\":\"hello\",\"last_seq\":-1,\"ephemeral\":[]}",
    "{\"op\":\"ack\",\"seq\":18446744073709551615}",
    "collectionId=\"https://a.example/f\", url=\"https://a.example/s\", digest=\"0\"",
    "127.0.0.1, ::1, [::1]:80, unknown, \"a\"",
    "<XRD><Link rel='lrdd' template='https://a.example/{uri}'",
    "acct:@",
    "@@@@@@@@",
    "acct:a%@b",
    "a@[::1",
    "a@xn--\u{0}",
    "z",
    "z6Mk",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "uZm9v",
    "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 99-Nov-94 99:99:99 GMT",
    "page=true&before=%ff&after=%00",
];

/// Pseudo-random numbers, the same in every run (xorshift64).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`; zero when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from(self.0 % end).unwrap()
    }
}

/// Changes bytes in one way: a bit flips, a part goes, comes twice, or makes room for a splinter.
pub(crate) fn change(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let start = dice.below(changed.len());
    let end = (start + dice.below(64)).min(changed.len());
    match dice.below(5) {
        0 if start < changed.len() => changed[start] ^= 1 << dice.below(8),
        1 => {
            changed.drain(start..end);
        }
        2 => {
            let part = changed[start..end].to_vec();
            changed.splice(start..start, part);
        }
        3 => changed.truncate(start),
        _ => {
            let splinter = SPLINTERS[dice.below(SPLINTERS.len())];
            changed.splice(start..end, splinter.iter().copied());
        }
    }
    changed
}

/// All files below a folder of this crate, in order; none when it is not there.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Everything that is mutated: documents, not requests.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = HANDMADE
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    for path in files("tests/fixtures")
        .into_iter()
        .chain(files("fuzz/corpus"))
    {
        let bytes = fs::read(&path).unwrap();
        let body = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        match body {
            Some(end) => seeds.push(bytes[end + 4..].to_vec()),
            None => seeds.push(bytes),
        }
    }
    seeds.retain(|seed| seed.len() <= 64 * 1024);
    seeds.sort();
    seeds.dedup();
    seeds
}

/// Every seed, every seed changed, and what no seed is: very deep, very long, very many.
pub(crate) fn documents() -> Vec<Vec<u8>> {
    let mut dice = Dice::new(20_261_120);
    let seeds = seeds();
    assert!(seeds.len() > 150, "only {} seeds", seeds.len());
    let mut documents = Vec::new();
    for seed in seeds {
        for _ in 0..CHANGES {
            let once = change(&seed, &mut dice);
            documents.push(change(&once, &mut dice));
            documents.push(once);
        }
        documents.push(seed);
    }
    for (open, close) in [
        ("[", "]"),
        ("{\"a\":", "}"),
        ("{\"object\":", "}"),
        ("(", ")"),
        ("<a ", ">"),
    ] {
        documents.push(open.repeat(100_000).into_bytes());
        documents.push(format!("{}{}", open.repeat(60), close.repeat(60)).into_bytes());
    }
    for piece in [
        "a", "@", "\"", "\\", "%", "=", ";", ",", "é", "\0", "a@b.c ", "xn--a.",
    ] {
        documents.push(piece.repeat(20_000).into_bytes());
    }
    let many = "\"https://a.example/1\",".repeat(20_000);
    let many = many.trim_end_matches(',');
    for property in [
        "to",
        "tag",
        "object",
        "orderedItems",
        "publicKey",
        "links",
        "type",
        "@context",
    ] {
        let document = format!("{{\"type\":\"Collection\",\"{property}\":[{many}]}}");
        documents.push(document.into_bytes());
    }
    documents
}
