//! A network on loopback: an address per server, one private certificate authority, and a TLS
//! proxy (Caddy) in front of each.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::place;
use crate::port;
use crate::process::Process;
use crate::process::run;
use crate::proxy::Proxy;
use crate::wait;

/// The servers' addresses are 127.0.0.2 to 127.0.0.20.
const FIRST: u8 = 2;
const LAST: u8 = 20;
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(2);
/// How long any answer may take.
const ANSWER: Duration = Duration::from_mins(1);

/// One test's network. Dropping it removes its folder.
#[derive(Debug)]
pub struct Network {
    folder: TempDir,
    next: AtomicU8,
    named: bool,
}

impl Network {
    /// Makes the certificates.
    ///
    /// # Errors
    /// When the folder cannot be made or `openssl` fails.
    pub async fn start() -> Result<Self> {
        Self::make(false).await
    }

    /// As [`Network::start`], with servers called `localhost:PORT`: for those that take no URL
    /// whose host is an IP address.
    ///
    /// # Errors
    /// As [`Network::start`].
    pub async fn start_named() -> Result<Self> {
        Self::make(true).await
    }

    async fn make(named: bool) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("folkmoot-net-").tempdir()?;
        let network = Self {
            folder,
            next: AtomicU8::new(FIRST),
            named,
        };
        network.certify().await?;
        Ok(network)
    }

    /// The certificate of the authority, as a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A new folder for a server of this network.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    fn address(&self) -> Ipv4Addr {
        if self.named {
            return Ipv4Addr::LOCALHOST;
        }
        let last = self.next.fetch_add(1, Ordering::Relaxed).min(LAST);
        Ipv4Addr::new(127, 0, 0, last)
    }

    fn authority_at(&self, public: SocketAddr) -> String {
        if self.named {
            return format!("localhost:{}", public.port());
        }
        public.to_string()
    }

    /// Puts TLS on a new address in front of whatever listens, or will listen, on the loopback
    /// port `backend`. Paths under `/control/` stay inside.
    ///
    /// # Errors
    /// When Caddy cannot be started.
    pub async fn front(&self, name: &str, backend: u16) -> Result<Front> {
        let public = port::free_on(self.address())?;
        let authority = self.authority_at(public);
        let folder = self.folder(&format!("{name}-tls"))?;
        let mut command = Command::new("caddy");
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(place::package().join("peers/Caddyfile"))
            .envs(
                ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "FRONT_FOLDER"].map(|v| (v, &folder)),
            )
            .env("FRONT_PUBLIC", &authority)
            .env("FRONT_ADDRESS", public.ip().to_string())
            .env("FRONT_BACKEND", backend.to_string())
            .env("FRONT_CERTIFICATE", self.folder.path().join("leaf.pem"))
            .env("FRONT_KEY", self.folder.path().join("leaf.key"));
        let mut caddy = Process::start("caddy", &mut command, &folder.join("log"))?;
        wait::until("the TLS proxy", || {
            let alive = caddy.check();
            async move {
                alive?;
                Ok(TcpStream::connect(public).await.ok())
            }
        })
        .await?;
        Ok(Front {
            scheme: "https",
            authority,
            _proxy: Some(caddy),
        })
    }

    /// As [`Network::front`], with a recording proxy behind TLS. With `raw` there is no Caddy: the
    /// proxy ends TLS itself, and writes heads down as their senders wrote them.
    ///
    /// # Errors
    /// When Caddy cannot be started, or there is no port.
    pub async fn record(&self, name: &str, backend: u16, raw: bool) -> Result<(Front, Proxy)> {
        if !raw {
            let proxy = Proxy::start(backend).await?;
            let front = self.front(name, proxy.port()).await?;
            return Ok((front, proxy));
        }
        let address = self.address();
        let certificate = std::fs::read(self.folder.path().join("leaf.pem"))?;
        let key = std::fs::read(self.folder.path().join("leaf.key"))?;
        let identity = native_tls::Identity::from_pkcs8(&certificate, &key)?;
        let acceptor = native_tls::TlsAcceptor::new(identity)?;
        let proxy = Proxy::listen(address, backend, Some(acceptor.into())).await?;
        let front = Front {
            scheme: "https",
            authority: self.authority_at(SocketAddr::from((address, proxy.port()))),
            _proxy: None,
        };
        Ok((front, proxy))
    }

    /// The loopback port `backend` as it is, without TLS: for figures that are the server's alone.
    pub fn direct(&self, backend: SocketAddr) -> Front {
        Front {
            scheme: "http",
            authority: backend.to_string(),
            _proxy: None,
        }
    }

    /// A client that trusts the authority of this network.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn client(&self) -> Result<reqwest::Client> {
        let pem = std::fs::read(self.authority())?;
        let authority = reqwest::Certificate::from_pem(&pem)?;
        Ok(reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER)
            // Servers end idle connections after five seconds, at the earliest.
            .pool_idle_timeout(IDLE)
            .add_root_certificate(authority)
            .build()?)
    }

    async fn certify(&self) -> Result<()> {
        let addresses = (1..=LAST).map(|last| format!("IP:127.0.0.{last}"));
        let names: Vec<String> = addresses.chain(["DNS:localhost".to_owned()]).collect();
        let extensions = format!(
            "subjectAltName={}\nextendedKeyUsage=serverAuth\n",
            names.join(",")
        );
        std::fs::write(self.folder.path().join("leaf.ext"), extensions)?;
        for arguments in [
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=loopback \
             -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem",
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
             -keyout leaf.key -out leaf.csr",
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3 \
             -extfile leaf.ext -out leaf.pem",
        ] {
            let mut command = Command::new("openssl");
            run(command
                .args(arguments.split_whitespace())
                .current_dir(self.folder.path()))
            .await?;
        }
        Ok(())
    }
}

/// Where the world reaches one server: usually a TLS proxy.
#[derive(Debug)]
pub struct Front {
    scheme: &'static str,
    authority: String,
    _proxy: Option<Process>,
}

impl Front {
    /// The origin under which the server is known, such as `https://127.0.0.2:40123`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Whether there is no TLS.
    pub fn is_plain(&self) -> bool {
        self.scheme == "http"
    }

    /// The authority part of the origin.
    pub fn authority(&self) -> String {
        self.authority.clone()
    }
}
