//! The `type` of a document: names that are known here, and every other name kept as it is.

use super::error::VocabError;
use super::reader::Reader;

/// Declares an enum of type names with a variant for all others.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// Any other name, as it was written.
            Other(String),
        }

        impl $name {
            /// The name as the wire has it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                    Self::Other(name) => name,
                }
            }

            /// The kind of this name; an unknown name becomes `Other`.
            pub fn from_name(name: &str) -> Self {
                match name {
                    $(stringify!($variant) => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }

            /// Whether the name is one of those known here.
            pub fn is_known(&self) -> bool {
                !matches!(self, Self::Other(_))
            }

            /// Takes the type out of a document, a known one before all others.
            pub(super) fn read(reader: &mut Reader) -> Result<Self, VocabError> {
                let is_known = |name: &str| matches!(name, $(stringify!($variant))|+);
                let chosen = reader.kind(is_known)?;
                Ok(Self::from_name(&chosen))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

kinds! {
    /// What an activity does (Activity Vocabulary s3.1, and `EmojiReact` of FEP-c0e0).
    ActivityKind {
        /// Its object is accepted, for example a `Follow`.
        Accept,
        /// Something, not said what.
        Activity,
        /// Its object is put into the target.
        Add,
        /// Its object is passed on.
        Announce,
        /// The actor has come to the location.
        Arrive,
        /// Its object is blocked.
        Block,
        /// Its object is new.
        Create,
        /// Its object is gone.
        Delete,
        /// Its object is disliked.
        Dislike,
        /// Its object gets a reaction: an emoji in `content`.
        EmojiReact,
        /// Its object is reported.
        Flag,
        /// Its object is followed.
        Follow,
        /// Its object is passed over.
        Ignore,
        /// Something without an object, not said what.
        IntransitiveActivity,
        /// Its object is invited to the target.
        Invite,
        /// Its object is joined.
        Join,
        /// Its object is left.
        Leave,
        /// Its object is liked; with `content`, a reaction.
        Like,
        /// Its object is listened to.
        Listen,
        /// Its object has moved to the target.
        Move,
        /// Its object is offered.
        Offer,
        /// Its object is read.
        Read,
        /// Its object is rejected, for example a `Follow`.
        Reject,
        /// Its object is taken out of the target.
        Remove,
        /// Its object is accepted for now.
        TentativeAccept,
        /// Its object is rejected for now.
        TentativeReject,
        /// The actor goes from the origin to the target.
        Travel,
        /// Its object, an activity, is undone.
        Undo,
        /// Its object has changed.
        Update,
        /// Its object is viewed.
        View,
    }
}

kinds! {
    /// What an object is (Activity Vocabulary s3.3, and what servers add).
    ObjectKind {
        /// A long text.
        Article,
        /// Sound.
        Audio,
        /// A message of the Pleroma family's chats.
        ChatMessage,
        /// A file.
        Document,
        /// A custom emoji.
        Emoji,
        /// Something that takes place.
        Event,
        /// A picture.
        Image,
        /// A message.
        Note,
        /// A web page; Lemmy's posts.
        Page,
        /// A place.
        Place,
        /// A description of another object.
        Profile,
        /// A poll.
        Question,
        /// How one object stands to another.
        Relationship,
        /// What is left of a deleted object.
        Tombstone,
        /// Moving pictures.
        Video,
    }
}

kinds! {
    /// What an actor is (Activity Vocabulary s3.2).
    ActorKind {
        /// A program, such as a whole server.
        Application,
        /// A group; here a channel.
        Group,
        /// An organisation; here a community.
        Organization,
        /// A human being.
        Person,
        /// A service; here a bot.
        Service,
    }
}

kinds! {
    /// What sort of collection it is (`ActivityStreams` s5).
    CollectionKind {
        /// Without order.
        Collection,
        /// A part of one without order.
        CollectionPage,
        /// In order, newest first.
        OrderedCollection,
        /// A part of one in order.
        OrderedCollectionPage,
    }
}

impl CollectionKind {
    /// Whether this is one page of a larger collection.
    pub fn is_page(&self) -> bool {
        matches!(self, Self::CollectionPage | Self::OrderedCollectionPage)
    }

    pub(super) fn is_ordered(&self) -> bool {
        matches!(self, Self::OrderedCollection | Self::OrderedCollectionPage)
    }
}
