//! One server, made of the real parts; and how it starts on a host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use federation_core::Clock as _;
use federation_core::fetch::{BlockedDomains, Directory, DirectoryConfig, RequestSigner};
use federation_core::inbox::{
    ActivityStore as _, InboundRequest, Inbox, InboxConfig, ReceiveError, Verified,
};
use federation_core::outbox::{
    DeliveryWorker, KeySource, KeySourceError, Outgoing, Target, WorkerConfig,
};
use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use federation_core::store::StoreError;
use federation_core::testing::network::Host;
use federation_core::vocab::{Activity, Actor, ActorKey, ActorKind, Object};
use futures_util::future::{BoxFuture, ready};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::disk::{Changes, Disk};
use crate::plan::Sabotage;
use crate::queue::Queue;
use crate::record::Message;

/// How probable it is that a message is answered.
const REPLIES: f64 = 0.1;

/// What all nodes know of the world.
#[derive(Debug)]
pub(crate) struct World {
    /// The members of each conversation.
    pub(crate) conversations: Vec<Vec<usize>>,
    /// How many activities are to be sent in all.
    pub(crate) wanted: u64,
    /// How many were.
    pub(crate) sent: AtomicU64,
    pub(crate) sabotage: Option<Sabotage>,
}

impl World {
    pub(crate) fn is_done(&self) -> bool {
        self.sent.load(Ordering::Relaxed) >= self.wanted
    }
}

/// What stays of a node whatever happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) host: Host,
    pub(crate) disk: Arc<Disk>,
    key: SigningKey,
    document: Bytes,
    world: Arc<World>,
}

#[derive(Debug)]
pub(crate) struct OwnKey(pub(crate) SigningKey);

impl KeySource for OwnKey {
    fn signing_key<'a>(
        &'a self,
        _actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(ready(Ok(self.0.clone())))
    }
}

/// Why a request had no effect.
enum Refusal {
    Receive(ReceiveError),
    Store,
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

pub(crate) fn host_name(index: usize) -> String {
    format!("n{index}.example")
}

fn url(index: usize, path: &str) -> Url {
    Url::parse(&format!("https://{}{path}", host_name(index))).unwrap()
}

impl Node {
    pub(crate) fn new(index: usize, host: Host, disk: Arc<Disk>, world: Arc<World>) -> Self {
        let private = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let key_id = url(index, "/actor#main-key");
        let multibase = private.public_key().to_multibase().unwrap();
        let (id, inbox) = (url(index, "/actor"), url(index, "/inbox"));
        let mut actor = Actor::new(id.clone(), ActorKind::Application, inbox);
        actor.public_keys = vec![ActorKey::multibase(key_id.clone(), id, multibase)];
        Self {
            index,
            host,
            disk,
            key: SigningKey::new(key_id, private),
            document: actor.to_value().to_string().into(),
            world,
        }
    }

    /// Starts it, for the first time or after a crash, with nothing but what its disk has.
    pub(crate) fn start(&self) {
        let clock = self.host.clock();
        let signer: Arc<dyn RequestSigner> = Arc::new(self.key.clone());
        let directory = Directory::new(
            self.host.transport(),
            self.disk.actors.clone(),
            Some(signer),
            clock.clone(),
            DirectoryConfig::default(),
        );
        let inbox = Inbox::new(
            InboxConfig::new(self.host.origin()),
            Arc::new(directory),
            Arc::new(BlockedDomains::default()),
            clock.clone(),
        );
        let node = self.clone();
        self.host.mount(move |request: Request<Bytes>| {
            let (node, inbox) = (node.clone(), inbox.clone());
            async move { node.answer(&inbox, request).await }
        });
        let mut config = WorkerConfig::default();
        config.backoff.jitter_percent = 0;
        config.peer_backoff.jitter_percent = 0;
        // Long enough for everything that still happens to a delivery after it was settled.
        config.retention = Duration::from_mins(10);
        let worker = DeliveryWorker::new(
            Arc::new(Queue(Arc::clone(&self.disk))),
            self.host.transport(),
            Arc::new(OwnKey(self.key.clone())),
            clock,
            config,
        );
        self.host.spawn(worker.run(CancellationToken::new()));
    }

    /// Sends a message of its own, as an application does: its number and its deliveries are one
    /// change.
    pub(crate) fn send(&self, conversation: usize) {
        let now = self.host.clock().now();
        self.disk
            .change(now, |changes| self.write(changes, conversation));
    }

    fn write(&self, changes: &mut Changes, conversation: usize) {
        let number = changes.take_number(conversation);
        changes.outgoing = Some(self.outgoing(conversation, number));
    }

    fn outgoing(&self, conversation: usize, number: u64) -> Outgoing {
        let message = Message {
            sender: self.index,
            conversation,
            number,
        };
        let (id, actor) = (url(self.index, &message.path()), url(self.index, "/actor"));
        let note_id = url(self.index, &format!("{}/note", message.path()));
        let others = self.world.conversations[conversation]
            .iter()
            .filter(|member| **member != self.index);
        let recipients: Vec<Url> = others
            .clone()
            .map(|member| url(*member, "/actor"))
            .collect();
        let mut note = Object::note(note_id.clone(), actor.clone(), "well met");
        note.to.clone_from(&recipients);
        let create = Activity::create(id.clone(), actor.clone(), note);
        let create = create.addressed_to(recipients, Vec::new());
        Outgoing {
            activity_id: id,
            actor_id: actor,
            object_id: Some(note_id),
            body: create.to_value().to_string(),
            ordering_key: Some(format!("conversation {conversation}")),
            targets: others
                .map(|member| Target {
                    inbox: url(*member, "/inbox"),
                    recipients: vec![url(*member, "/actor")],
                })
                .collect(),
        }
    }

    async fn answer(&self, inbox: &Inbox, request: Request<Bytes>) -> Response<Bytes> {
        if request.uri().path() == "/actor" {
            let mut answer = Response::new(self.document.clone());
            let kind = HeaderValue::from_static("application/activity+json");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            return answer;
        }
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = match self.receive(inbox, request).await {
            Ok(()) => StatusCode::ACCEPTED,
            Err(Refusal::Receive(refusal)) => refusal.status(),
            Err(Refusal::Store) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        answer
    }

    async fn receive(&self, inbox: &Inbox, request: Request<Bytes>) -> Result<(), Refusal> {
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().unwrap().as_str().to_owned();
        let origin = &inbox.config().origin;
        let request = InboundRequest::new(parts.method, origin, &target, parts.headers, body);
        let verified = inbox.authenticate(request.unwrap()).await;
        let verified = verified.map_err(Refusal::Receive)?;
        let node = self.clone();
        let effect = move |changes: &mut Changes, verified: &Verified| {
            node.apply(changes, verified);
            Ok::<_, Refusal>(())
        };
        if self.world.sabotage == Some(Sabotage::AnswersBeforeCommit) {
            let disk = Arc::clone(&self.disk);
            self.host.spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let _too_late = disk.apply_once(verified, effect).await;
            });
            return Ok(());
        }
        self.disk.apply_once(verified, effect).await.map(drop)
    }

    /// The effect of a message: it is noted, and answered now and then, in one transaction.
    fn apply(&self, changes: &mut Changes, verified: &Verified) {
        let id = &verified.activity().id;
        let message = Message::parse(id.host_str().unwrap(), id.path()).expect("an id of these");
        changes.applied = Some(message);
        if self.disk.happens(REPLIES) && !self.world.is_done() {
            self.write(changes, message.conversation);
        }
    }
}
