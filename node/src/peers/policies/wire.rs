//! Policies as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::impact::Impact;
use super::list::Fault;
use crate::platform::domains::{Mode, Policy, Severity};

/// A policy towards a domain and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = DomainPolicyView)]
pub struct PolicyView {
    domain: String,
    severity: Severity,
    reject_media: bool,
    reject_reports: bool,
    /// Why, for everybody.
    public_comment: String,
    /// Why, for those who run the node.
    private_comment: String,
    /// Whether the domain is not spelt out in public.
    obfuscate: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<&Policy> for PolicyView {
    fn from(policy: &Policy) -> Self {
        Self {
            domain: policy.domain.clone(),
            severity: policy.severity,
            reject_media: policy.rejects_media,
            reject_reports: policy.rejects_reports,
            public_comment: policy.public_comment.clone(),
            private_comment: policy.private_comment.clone(),
            obfuscate: policy.is_obfuscated,
            created_at: Timestamp::from_millis(policy.created_at),
            updated_at: Timestamp::from_millis(policy.updated_at),
        }
    }
}

/// The body of `PUT /api/v1/federation/peers/{domain}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutPolicy {
    pub(super) severity: Severity,
    #[serde(default)]
    pub(super) reject_media: bool,
    #[serde(default)]
    pub(super) reject_reports: bool,
    /// Up to 500 characters.
    #[serde(default)]
    pub(super) public_comment: String,
    /// Up to 500 characters.
    #[serde(default)]
    pub(super) private_comment: String,
    #[serde(default)]
    pub(super) obfuscate: bool,
}

/// What becomes of domains without a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FederationMode {
    pub(super) mode: Mode,
}

/// What became of a list, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Imported {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Domains without a policy before.
    pub added: u32,
    /// Domains with another policy before.
    pub changed: u32,
    /// Domains with the same policy before.
    pub same: u32,
    /// Lines that cannot be taken; the others are.
    pub faults: u32,
    /// Each line.
    pub lines: Vec<ImportedLine>,
}

/// What became of one line, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ImportedLine {
    /// Its number in the list; the heading is the first.
    pub line: u64,
    /// The domain as the line has it.
    pub domain: String,
    /// `added`, `changed`, `same` or `fault`.
    pub outcome: &'static str,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// The same, for people.
    pub detail: Option<String>,
    /// How much the domain could do before.
    pub before: Option<Severity>,
    /// How much it can do afterwards.
    pub after: Option<Severity>,
    /// What it affects.
    pub impact: Impact,
}
