//! What a route needs before it is reached: [`Access`], declared beside every route.

use crate::base::privilege::Privilege;
use crate::base::scope::Scope;

/// What a route needs, and whose bucket pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// What must hold before the handler runs.
    pub needs: Needs,
    /// The class of its limits.
    pub class: RateClass,
    /// Whether members of other nodes who visit may come too, and not members of this node alone.
    pub visitors: bool,
}

/// What must hold before a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: anybody may ask.
    Nothing,
    /// Something that the handler itself checks, as the text says.
    Judged(&'static str),
    /// A member, by a client that was given the scope.
    Member(Scope),
    /// A member, signed in themselves: no application and no personal token.
    FirstParty,
    /// A member with this privilege, by a client that may use it.
    Privilege(Privilege),
}

/// Routes that share a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// Signing up, signing in and proving who one is.
    Auth,
    /// Reading.
    Read,
    /// Searching, which costs more than reading.
    Search,
    /// Changing something.
    Write,
    /// Sending files.
    Upload,
    /// What other servers send, which has limits of its own.
    Inbox,
}

impl RateClass {
    /// The class as answers and settings name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Read => "read",
            Self::Search => "search",
            Self::Write => "write",
            Self::Upload => "upload",
            Self::Inbox => "inbox",
        }
    }
}

impl Access {
    /// Anybody.
    pub const fn public() -> Self {
        Self::of(Needs::Nothing, RateClass::Read)
    }

    /// Whoever shows what the handler itself checks: `what`, for readers.
    pub const fn judged(what: &'static str) -> Self {
        Self::of(Needs::Judged(what), RateClass::Read)
    }

    /// Other servers, by the signature of their request.
    pub const fn signed() -> Self {
        let what = "the HTTP signature of another server";
        Self::of(Needs::Judged(what), RateClass::Inbox)
    }

    /// Members, by a client that was given `scope`.
    pub const fn member(scope: Scope) -> Self {
        let class = match scope {
            Scope::Read => RateClass::Read,
            Scope::Write | Scope::Admin => RateClass::Write,
        };
        Self::of(Needs::Member(scope), class)
    }

    /// Members who are signed in themselves.
    pub const fn first_party() -> Self {
        Self::of(Needs::FirstParty, RateClass::Write)
    }

    /// Members who hold `privilege`.
    pub const fn privilege(privilege: Privilege) -> Self {
        Self::of(Needs::Privilege(privilege), RateClass::Write)
    }

    /// The same needs, paid for from the bucket of `class`.
    #[must_use]
    pub const fn class(mut self, class: RateClass) -> Self {
        self.class = class;
        self
    }

    /// The same needs, and members of other nodes who visit may come too.
    ///
    /// # Security
    /// The handler must judge by what it reads of the person, never by their being of this node, and
    /// write nothing that other nodes are told in their name: their key is at home.
    #[must_use]
    pub const fn visitors(mut self) -> Self {
        self.visitors = true;
        self
    }

    const fn of(needs: Needs, class: RateClass) -> Self {
        Self {
            needs,
            class,
            visitors: false,
        }
    }
}

impl Needs {
    /// Whether somebody must be signed in.
    pub const fn member(self) -> bool {
        matches!(
            self,
            Self::Member(_) | Self::FirstParty | Self::Privilege(_)
        )
    }
}
