//! Messages over SMTP (RFC 5321), by lettre.

use std::fmt;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::port::{Mail, Mailer, SendError};
use crate::base::ids::MailId;
use crate::config::{MailConfig, Origin};

/// How long the server may take for each answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Hands messages to the server that the settings name.
///
/// The operator chose that server: this is the one way out that is not the guarded client.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
}

impl Smtp {
    /// The server of the settings; `None` when mail is off.
    pub fn of(config: &MailConfig, origin: &Origin) -> Option<Self> {
        let url = config.smtp_url.as_ref()?.expose();
        // Both were checked when the settings were read.
        let from = config.from.as_deref()?.parse().ok()?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).ok()?;
        Some(Self {
            transport: transport.timeout(Some(TIMEOUT)).build(),
            from,
            domain: origin.url().host_str().unwrap_or("localhost").to_owned(),
        })
    }

    fn message(&self, id: MailId, mail: &Mail) -> Result<Message, SendError> {
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| SendError::Refused(error);
        let to: Mailbox = mail.to.parse().map_err(|error| refused(Box::new(error)))?;
        // RFC 3834 s5: nobody answers it by a machine.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let automatic = HeaderValue::new(automatic, "auto-generated".to_owned());
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .message_id(Some(format!("<{id}@{}>", self.domain)))
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|error| refused(Box::new(error)))
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, id: MailId, mail: &'a Mail) -> BoxFuture<'a, Result<(), SendError>> {
        async move {
            let message = self.message(id, mail)?;
            match self.transport.send(message).await {
                Ok(_taken) => Ok(()),
                Err(error) if error.is_permanent() => Err(SendError::Refused(Box::new(error))),
                Err(error) => Err(SendError::Failed(Box::new(error))),
            }
        }
        .boxed()
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Smtp")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;
    use url::Url;

    use super::*;
    use crate::config::Secret;

    #[test]
    fn attack_headers_cannot_be_written_through_an_address() {
        let config = MailConfig {
            smtp_url: Some(Secret::new("smtp://127.0.0.1:1".to_owned())),
            from: Some("Folkmoot <folkmoot@chat.example>".to_owned()),
        };
        let origin = Origin::new(&Url::parse("https://chat.example").unwrap());
        let smtp = Smtp::of(&config, &origin).unwrap();
        let id = MailId::new(Timestamp::from_millis(1_795_190_734_032));
        let message = |to: &str| {
            let mail = Mail {
                to: to.to_owned(),
                subject: "Hello".to_owned(),
                text: "Line\n.\nLine".to_owned(),
            };
            smtp.message(id, &mail).map(|message| message.formatted())
        };
        let text = String::from_utf8(message("alice@there.example").unwrap()).unwrap();
        assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
        assert!(
            text.contains(&format!("Message-ID: <{id}@chat.example>")),
            "{text}"
        );
        for to in [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example, c@d.example",
            "x",
        ] {
            assert!(message(to).is_err(), "{to}");
        }
    }
}
