//! Files that go with what people write.

use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::case::said;
use crate::outcome::Outcome;
use crate::require;

pub(super) const THEME: Theme = Theme {
    name: "Attachments",
    scenarios: &[
        scenario!(
            "attachment-out",
            attachment_out,
            "an attachment names its media type, its address and what it shows",
            "ActivityStreams attachment"
        ),
        scenario!(
            "attachment-in",
            attachment_in,
            "a message with an attachment is shown with it",
            "ActivityStreams attachment"
        ),
        scenario!(
            "attachment-text-in",
            attachment_text,
            "a message whose attachment is of no use is shown all the same",
            "protocol practice: what is not understood is left out"
        ),
    ],
};

async fn attachment_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let mut with = said(&text, &[&bob.id]);
    with["url"] = json!(format!("{}/picture.png", case.pair.subject.origin()));
    with["media_type"] = json!("image/png");
    with["description"] = json!(case.text("picture"));
    alice.act("attach", with).await?;
    let create = bob.gets("Create", &[&text]).await?;
    let attachment = create["object"]["attachment"].to_string();
    for part in ["image/png", "picture", &case.text("picture")] {
        require!(attachment.contains(part), "{part} is not in {attachment}");
    }
    Ok(())
}

async fn with_attachment(case: &Case<'_>) -> Outcome<serde_json::Value> {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let more = json!({ "attachment": [{
        "type": "Document", "mediaType": "image/png", "name": case.text("picture"),
        "url": format!("{}/picture.png", case.pair.peer.origin()),
    }] });
    bob.note_with(&text, &[&alice.actor], more).await?;
    alice.finds("inbox", &[&text]).await
}

async fn attachment_in(case: &Case<'_>) -> Outcome {
    case.account("n").await?.needs("attach")?;
    let shown = with_attachment(case).await?.to_string();
    require!(
        shown.contains("picture.png"),
        "it is shown without: {shown}"
    );
    Ok(())
}

async fn attachment_text(case: &Case<'_>) -> Outcome {
    with_attachment(case).await.map(drop)
}
