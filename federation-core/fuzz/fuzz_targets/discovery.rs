//! What servers say about themselves: NodeInfo, its index and host-meta, within their bounds.
#![no_main]

use federation_core::discovery::{HostMeta, NodeInfo, NodeInfoIndex};
use federation_core::vocab::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match HostMeta::parse(bytes) {
        Ok(read) => {
            assert!(read.template.contains("{uri}"));
            if let Some(url) = read.lookup_url("acct:alice@a.example") {
                assert!(matches!(url.scheme(), "http" | "https") && url.has_host());
                assert!(url.username().is_empty());
            }
        }
        Err(error) => assert!(!error.is_retryable()),
    }
    let Ok(document) = parse(bytes) else { return };
    let index = NodeInfoIndex::from_map(&document);
    assert!(index.links.len() <= 32);
    for link in [index.document(), index.application()].into_iter().flatten() {
        assert!(link.has_host());
    }
    if let Some(read) = NodeInfo::from_map(&document) {
        assert!(read.software.name.chars().count() <= 128);
        assert!(read.protocols.len() <= 16);
        // Written and read again, it is the same.
        let written = serde_json::to_value(&read).expect("a document");
        let map = written.as_object().expect("an object");
        assert_eq!(NodeInfo::from_map(map).as_ref(), Some(&read));
    }
});
