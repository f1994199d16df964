//! Doing an action as a description says.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::anyhow;
use reqwest::RequestBuilder;
use reqwest::Response;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Action;
use super::Description;
use super::Step;
use super::template::Values;
use super::template::fill;
use super::template::fill_document;
use crate::outcome::Stop;
use crate::wait;

/// How long a program of an action may take.
const PROGRAM: Duration = Duration::from_mins(1);

/// Does the action `name`; gives `values` with what was captured.
///
/// # Errors
/// [`Stop::NotApplicable`] when the description says that it is not supported, or an answer does;
/// otherwise that it failed.
pub async fn perform(
    description: &Description,
    http: &reqwest::Client,
    name: &str,
    mut values: Values,
) -> Result<Values, Stop> {
    let title = &description.name;
    let Some(action) = description.actions.get(name) else {
        return Err(Stop::lacks(
            title,
            &format!("its description has no {name}"),
        ));
    };
    if let Some(reason) = &action.unsupported {
        return Err(Stop::lacks(title, reason));
    }
    if !action.command.is_empty() {
        values = run(description, action, name, values).await?;
    }
    let mut joined_before: Vec<&String> = Vec::new();
    for step in &action.steps {
        let Some(list) = &step.each else {
            let found = ask(description, http, step, &values).await;
            let captured = found.map_err(|stop| stop.during(title, name))?;
            values.extend(captured);
            continue;
        };
        let items = values.get(list).and_then(Value::as_array).cloned();
        let items = items.with_context(|| format!("{list} of {name} is no list"))?;
        let mut joined: Values = Values::new();
        for captured in step.capture.keys() {
            // Several steps may add to one list.
            let before = values.get(captured).cloned();
            let before = before.filter(|_| joined_before.contains(&captured));
            joined.insert(captured.clone(), before.unwrap_or_else(|| json!([])));
            joined_before.push(captured);
        }
        for item in items {
            values.insert("item".to_owned(), item);
            let found = ask(description, http, step, &values).await;
            for (name, value) in found.map_err(|stop| stop.during(title, name))? {
                let more = value.as_array().cloned().unwrap_or_else(|| vec![value]);
                if let Some(all) = joined.get_mut(&name).and_then(Value::as_array_mut) {
                    all.extend(more);
                }
            }
        }
        values.extend(joined);
    }
    Ok(values)
}

async fn ask(
    description: &Description,
    http: &reqwest::Client,
    step: &Step,
    values: &Values,
) -> Result<Values, Stop> {
    let (method, url) = step
        .request
        .split_once(' ')
        .context("a request is `METHOD URL`")?;
    let method = reqwest::Method::from_bytes(method.as_bytes()).context("an unknown method")?;
    let url = fill(url, values)?;
    let mut request = http.request(method, &url);
    for (name, value) in &description.headers {
        // Before an account is there, its token is not known, and not needed.
        if let Ok(value) = fill(value, values) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &step.headers {
        request = request.header(name, fill(value, values)?);
    }
    for (name, value) in &step.query {
        request = request.query(&[(name, fill(value, values)?)]);
    }
    if let Some(body) = &step.body {
        request = request.json(&fill_document(body, values)?);
    } else if !step.form.is_empty() {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &step.form {
            form.append_pair(name, &fill(value, values)?);
        }
        let media_type = "application/x-www-form-urlencoded";
        request = request
            .header("content-type", media_type)
            .body(form.finish());
    }
    let answer = patiently(request, &step.expect).await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.context("the answer broke off")?;
    let document: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if step.empty.contains(&status) {
        let nothing = step.capture.keys().map(|name| (name.clone(), json!([])));
        return Ok(nothing.collect());
    }
    let fine =
        step.expect.contains(&status) || (step.expect.is_empty() && (200..300).contains(&status));
    if let (501, Some(reason)) = (status, document["unsupported"].as_str()) {
        return Err(Stop::lacks(&description.name, reason));
    }
    if !fine {
        let text: String = text.chars().take(300).collect();
        return Err(anyhow!("{} answered {status}: {text}", step.request).into());
    }
    let mut captured = Values::new();
    for (name, pointer) in &step.capture {
        let (pointer, optional) = match pointer.strip_prefix('?') {
            Some(pointer) => (pointer, true),
            None => (pointer.as_str(), false),
        };
        let mut found = if let Some(header) = pointer.strip_prefix("header:") {
            let value = headers.get(header).and_then(|value| value.to_str().ok());
            value.map(|value| Value::String(value.to_owned()))
        } else {
            document.pointer(pointer).cloned()
        };
        if let Some(Value::Array(list)) = &mut found {
            list.retain(|entry| {
                step.only
                    .iter()
                    .all(|(at, is)| entry.pointer(at) == Some(is))
            });
        }
        if optional {
            found = found.or_else(|| Some(json!([])));
        }
        let missing = || format!("{} gave nothing at {pointer:?}: {text}", step.request);
        captured.insert(name.clone(), found.with_context(missing)?);
    }
    Ok(captured)
}

/// Runs the program of an action: `{"action": …, "values": {…}}` goes in, an object comes out
/// whose members are remembered.
async fn run(
    description: &Description,
    action: &Action,
    name: &str,
    mut values: Values,
) -> Result<Values> {
    let mut words = Vec::new();
    for word in &action.command {
        words.push(fill(word, &values)?);
    }
    let (program, arguments) = words.split_first().context("an empty command")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&description.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let input = json!({ "action": name, "values": values }).to_string();
    let mut stdin = child.stdin.take().context("the input was asked for")?;
    // A program that does not want the input may close it.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let ended = tokio::time::timeout(PROGRAM, child.wait_with_output()).await;
    let output = ended.with_context(|| format!("{program} does not end"))??;
    if !output.status.success() {
        let fault = String::from_utf8_lossy(&output.stderr);
        return Err(anyhow!(
            "{name}: {program} ended with {}: {fault}",
            output.status
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if let Ok(Value::Object(captured)) = serde_json::from_str(&text) {
        values.extend(captured);
    }
    Ok(values)
}

/// Sends a request, and again for a while where the answer is that there is too much to do now, as
/// other clients do.
async fn patiently(request: RequestBuilder, expected: &[u16]) -> Result<Response> {
    let ask = move || {
        let copy = request.try_clone();
        async move {
            let copy = copy.context("a body that can be sent once alone")?;
            copy.send().await.context("no answer")
        }
    };
    let is_too_much = |answer: &Result<Response>| {
        let status = answer.as_ref().map(|answer| answer.status().as_u16());
        status.is_ok_and(|status| wait::is_too_much(status) && !expected.contains(&status))
    };
    wait::patiently(ask, is_too_much).await
}
