//! Stacks and modules: made from uploaded source, shown.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use futures_util::StreamExt;
use spacelift_worker_core::crypto::Sha256;
use spacelift_worker_core::protocol::message::EnvironmentVariable;

use super::refusal::{Refusal, ask};
use crate::api::{CreateStack, Depend, DependencyView, StackView};
use crate::control::Command;
use crate::fresh;
use crate::http::AppState;
use crate::store::{BlobName, Dependency, NewStack, Source};

/// The longest source, compressed, in bytes: 4 GiB.
const MAX_SOURCE: u64 = 4 << 30;

pub(super) async fn list(State(state): State<AppState>) -> Result<Json<Vec<StackView>>, Refusal> {
    Ok(Json(state.store.stacks().await?.into_iter().map(StackView::from).collect()))
}

pub(super) async fn used_by(
    State(state): State<AppState>,
    Path(pool): Path<String>,
) -> Result<Json<Vec<StackView>>, Refusal> {
    let pool = state.store.find_pool(&pool).await?;
    Ok(Json(state.store.used_by(pool.id).await?.into_iter().map(StackView::from).collect()))
}

/// Takes source code under the name of its digest, which is checked: the same source is kept once.
pub(super) async fn upload(
    State(state): State<AppState>,
    Path(sha256): Path<String>,
    body: Body,
) -> Result<Json<Source>, Refusal> {
    let name: BlobName = format!("sources/{sha256}.tar.zst")
        .parse()
        .map_err(|_| Refusal::bad("source is uploaded under its SHA-256 in lower-case hex"))?;
    let mut put = state.blobs.put(name.clone(), MAX_SOURCE).await?;
    let (mut hash, mut len) = (Sha256::new(), 0);
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refusal::bad("the upload was cut short"))?;
        hash.update(&piece);
        len += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        put.write(&piece).await?;
    }
    let found: String = hash.finish().iter().map(|byte| format!("{byte:02x}")).collect();
    if found != sha256 {
        return Err(Refusal::bad("the uploaded source has another SHA-256; upload it again"));
    }
    put.finish().await?;
    Ok(Json(Source { blob: name.to_string(), len, sha256 }))
}

pub(super) async fn create(
    State(state): State<AppState>,
    Json(request): Json<CreateStack>,
) -> Result<Json<StackView>, Refusal> {
    let slug = slug(&request.name).ok_or_else(|| Refusal::bad("a name needs a letter or a digit"))?;
    let pool = state.store.find_pool(&request.pool).await?;
    if let Some(wrong) = request.environment.iter().find(|variable| !is_variable(variable)) {
        return Err(Refusal::bad(format!("{:?} is no name of an environment variable", wrong.name)));
    }
    let source = &request.code.source;
    let blob: BlobName =
        source.blob.parse().map_err(|_| Refusal::bad("a stack needs source that was uploaded before"))?;
    if state.blobs.open(&blob).await?.1 != source.len {
        return Err(Refusal::bad("the source has another length than the one uploaded"));
    }
    let new = NewStack {
        slug,
        name: request.name,
        space: request.space,
        labels: request.labels,
        pool: pool.id,
        is_module: request.is_module,
        auto_deploy: request.auto_deploy,
        code: request.code,
        environment: request.environment,
    };
    let stack = state.store.create_stack(&new, fresh::now_ms()).await?;
    ask(&state.control, Command::Poke).await?;
    Ok(Json(stack.into()))
}

pub(super) async fn dependencies(
    State(state): State<AppState>,
    Path(stack): Path<String>,
) -> Result<Json<Vec<DependencyView>>, Refusal> {
    let dependencies = state.store.dependencies(&stack).await?;
    Ok(Json(dependencies.into_iter().map(DependencyView::from).collect()))
}

pub(super) async fn depend(
    State(state): State<AppState>,
    Path(stack): Path<String>,
    Json(request): Json<Depend>,
) -> Result<Json<DependencyView>, Refusal> {
    let names: BTreeSet<&str> = request.outputs.iter().map(|output| output.name.as_str()).collect();
    if let Some(wrong) = names.iter().find(|name| !is_name(name)) {
        return Err(Refusal::bad(format!("{wrong:?} is no name of an environment variable")));
    }
    if names.len() < request.outputs.len() {
        return Err(Refusal::bad("two outputs cannot become the same variable"));
    }
    if request.outputs.iter().any(|output| output.output.is_empty()) {
        return Err(Refusal::bad("an output has a name"));
    }
    let new = Dependency { stack, upstream: request.on, variables: request.outputs };
    state.store.put_dependency(&new).await?;
    Ok(Json(new.into()))
}

pub(super) async fn undepend(
    State(state): State<AppState>,
    Path((stack, upstream)): Path<(String, String)>,
) -> Result<Json<Vec<DependencyView>>, Refusal> {
    state.store.remove_dependency(&stack, &upstream).await?;
    dependencies(State(state), Path(stack)).await
}

/// Lower-case letters, digits and single dashes, as Spacelift makes it of a name.
fn slug(name: &str) -> Option<String> {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    let words = letters.collect::<String>();
    let slug = words.split_whitespace().collect::<Vec<_>>().join("-");
    (!slug.is_empty()).then_some(slug)
}

/// POSIX, "Environment Variables": no `=` in a name; the rest of the rule is what shells can read.
fn is_name(name: &str) -> bool {
    let name = name.as_bytes();
    name.first().is_some_and(|first| !first.is_ascii_digit())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn is_variable(variable: &EnvironmentVariable) -> bool {
    is_name(&variable.name) && !variable.value.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_the_names_letters_and_digits() {
        assert_eq!(slug("Production  VPC (eu-west-1)").as_deref(), Some("production-vpc-eu-west-1"));
        assert_eq!(slug("../.."), None);
    }

    #[test]
    fn a_variable_has_a_name_that_shells_can_read() {
        let named = |name: &str| {
            is_variable(&EnvironmentVariable { name: name.into(), value: String::new(), secret: false })
        };
        assert!(named("A_1") && named("_x"));
        assert!(!named("") && !named("1A") && !named("A=B") && !named("A B"));
    }
}
