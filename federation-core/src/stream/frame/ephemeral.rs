//! What is worth something now or not at all: typing, presence, read markers.

use url::Url;

/// A droppable frame: never stored, never acknowledged, never repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ephemeral {
    /// A member is writing.
    #[non_exhaustive]
    Typing {
        /// The member, on the holder's origin.
        actor: Url,
        /// The conversation.
        context: Url,
    },
    /// A member is there, or no longer.
    #[non_exhaustive]
    Presence {
        /// The member, on the holder's origin.
        actor: Url,
        /// How they are there.
        state: PresenceState,
    },
    /// A member has read a conversation up to a message.
    #[non_exhaustive]
    Read {
        /// The member, on the holder's origin.
        actor: Url,
        /// The conversation.
        context: Url,
        /// The last message that was read.
        object: Url,
    },
}

impl Ephemeral {
    /// A member is writing in a conversation.
    pub fn typing(actor: Url, context: Url) -> Self {
        Self::Typing { actor, context }
    }

    /// A member is there, or no longer.
    pub fn presence(actor: Url, state: PresenceState) -> Self {
        Self::Presence { actor, state }
    }

    /// A member has read a conversation up to a message.
    pub fn read(actor: Url, context: Url, object: Url) -> Self {
        Self::Read {
            actor,
            context,
            object,
        }
    }

    /// Which of the kinds it is.
    pub const fn kind(&self) -> EphemeralKind {
        match self {
            Self::Typing { .. } => EphemeralKind::Typing,
            Self::Presence { .. } => EphemeralKind::Presence,
            Self::Read { .. } => EphemeralKind::Read,
        }
    }

    /// The member it is about.
    pub const fn actor(&self) -> &Url {
        match self {
            Self::Typing { actor, .. }
            | Self::Presence { actor, .. }
            | Self::Read { actor, .. } => actor,
        }
    }
}

/// How a member is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PresenceState {
    /// There.
    Online,
    /// There, but not at the keyboard.
    Idle,
    /// Gone.
    Offline,
}

impl PresenceState {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Idle => "idle",
            Self::Offline => "offline",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Online, Self::Idle, Self::Offline]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// The kinds of ephemeral frames, each agreed on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EphemeralKind {
    /// A member is writing.
    Typing,
    /// A member is there, or no longer.
    Presence,
    /// A member has read up to a message.
    Read,
}

impl EphemeralKind {
    pub(super) const ALL: [Self; 3] = [Self::Typing, Self::Presence, Self::Read];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typing => "typing",
            Self::Presence => "presence",
            Self::Read => "read",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Typing => 1,
            Self::Presence => 2,
            Self::Read => 4,
        }
    }
}

/// A set of kinds of ephemeral frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EphemeralKinds(u8);

impl EphemeralKinds {
    /// No kind.
    pub const fn none() -> Self {
        Self(0)
    }

    /// Every kind.
    pub fn all() -> Self {
        EphemeralKind::ALL.into_iter().collect()
    }

    /// The same set with one kind more.
    #[must_use]
    pub const fn with(self, kind: EphemeralKind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// What both sets have.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set has this kind.
    pub const fn contains(self, kind: EphemeralKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// The kinds of the set.
    pub fn iter(self) -> impl Iterator<Item = EphemeralKind> {
        EphemeralKind::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<EphemeralKind> for EphemeralKinds {
    fn from_iter<I: IntoIterator<Item = EphemeralKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::none(), Self::with)
    }
}
