//! Redirects: which are followed, and where to.

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use url::Url;

use super::error::FetchError;

/// Bytes of a redirect's target that are read at most.
const MAX_LOCATION: usize = 8 * 1024;

/// The URLs of one chain of redirects.
#[derive(Debug)]
pub(crate) struct Chain {
    visited: Vec<Url>,
    limit: u8,
}

impl Chain {
    pub(crate) fn new(limit: u8) -> Self {
        Self {
            visited: Vec::new(),
            limit,
        }
    }

    /// Where the answer sends the request on to; `None` when it is not a redirect.
    ///
    /// A chain never leaves `https`, never comes back to a URL it has seen, and ends after the
    /// number of hops it was made for.
    pub(crate) fn next(
        &mut self,
        current: &Url,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Option<Url>, FetchError> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let limit = self.limit;
        if self.visited.len() >= usize::from(limit) {
            return Err(FetchError::TooManyRedirects { limit });
        }
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.filter(|text| text.len() <= MAX_LOCATION);
        let target = location.and_then(|text| current.join(text).ok());
        let mut target = target.ok_or(FetchError::Redirect)?;
        target.set_fragment(None);
        if current.scheme() == "https" && target.scheme() != "https" {
            return Err(FetchError::Redirect);
        }
        self.visited.push(current.clone());
        if self.visited.contains(&target) {
            return Err(FetchError::TooManyRedirects { limit });
        }
        Ok(Some(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn to(location: &str) -> HeaderMap {
        HeaderMap::from_iter([(LOCATION, location.parse().unwrap())])
    }

    #[test]
    fn attack_53_ends_chains_loops_and_downgrades() {
        let mut chain = Chain::new(2);
        let start = url("https://a.example/1");
        let second = chain
            .next(&start, StatusCode::FOUND, &to("/2"))
            .unwrap()
            .unwrap();
        assert_eq!(second, url("https://a.example/2"));
        let back = chain.next(&second, StatusCode::FOUND, &to("/1"));
        assert!(matches!(back, Err(FetchError::TooManyRedirects { .. })));

        let own = Chain::new(2).next(&start, StatusCode::FOUND, &to("/1#x"));
        assert!(matches!(own, Err(FetchError::TooManyRedirects { .. })));

        let plain = Chain::new(2).next(&start, StatusCode::FOUND, &to("http://a.example/2"));
        assert!(matches!(plain, Err(FetchError::Redirect)));
        for odd in ["javascript:1", "http://[", "data:,x"] {
            let next = Chain::new(2).next(&start, StatusCode::SEE_OTHER, &to(odd));
            assert!(matches!(next, Err(FetchError::Redirect)), "{odd}");
        }
        let long = format!("/{}", "x".repeat(MAX_LOCATION));
        let endless = Chain::new(2).next(&start, StatusCode::FOUND, &to(&long));
        assert!(matches!(endless, Err(FetchError::Redirect)));
        let nowhere = Chain::new(2).next(&start, StatusCode::FOUND, &HeaderMap::new());
        assert!(matches!(nowhere, Err(FetchError::Redirect)));

        let none = Chain::new(0).next(&start, StatusCode::FOUND, &to("/2"));
        assert!(matches!(
            none,
            Err(FetchError::TooManyRedirects { limit: 0 })
        ));
        assert_eq!(
            Chain::new(0)
                .next(&start, StatusCode::OK, &to("/2"))
                .unwrap(),
            None
        );
    }
}
