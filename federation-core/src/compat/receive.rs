//! The inbox entry: from a request to `Activity::receive`.

use activitypub_federation::config::Data;
use activitypub_federation::traits::Activity;
use serde::de::DeserializeOwned;

use super::error::CompatError;
use super::queue::Compat;
use crate::federation::FederationStore;
use crate::inbox::{InboundRequest, Verified};

/// Takes a request in place of `activitypub_federation`'s `receive_activity`: checks it as this
/// crate does, then calls `verify` and `receive` of the application's type.
///
/// An activity that was received before is `Ok(())` and reaches the application no more. It is
/// recorded after `receive` has succeeded.
///
/// # Errors
/// See [`CompatError`]; its `status` is what to answer.
///
/// # Security
/// Nothing is fetched for a stranger before every check that needs no fetch has passed, and then
/// only the key. The application's type has to read the same id and actor as are proved.
#[cfg(feature = "axum")]
pub async fn receive_activity<A, S>(
    activity_data: super::ActivityData,
    compat: &Compat<S>,
    data: &Data<A::DataType>,
) -> Result<(), CompatError<A::Error>>
where
    A: Activity + DeserializeOwned + Send + Sync,
    S: FederationStore,
{
    let origin = &compat.federation().inbox().config().origin;
    let request = activity_data.into_request(origin)?;
    compat.receive::<A>(request, data).await
}

impl<S: FederationStore> Compat<S> {
    /// Takes a request however it came; see `receive_activity` (feature
    /// `axum`) for what happens to it.
    ///
    /// # Errors
    /// See [`CompatError`]; its `status` is what to answer.
    pub async fn receive<A>(
        &self,
        request: InboundRequest,
        data: &Data<A::DataType>,
    ) -> Result<(), CompatError<A::Error>>
    where
        A: Activity + DeserializeOwned + Send + Sync,
    {
        let verified = self.federation().inbox().authenticate(request).await?;
        self.apply::<A>(verified, data).await
    }

    /// Gives a verified activity its effect by the application's type.
    ///
    /// # Errors
    /// See [`CompatError`].
    pub async fn apply<A>(
        &self,
        verified: Verified,
        data: &Data<A::DataType>,
    ) -> Result<(), CompatError<A::Error>>
    where
        A: Activity + DeserializeOwned + Send + Sync,
    {
        let _turn = self.turn(&verified).await;
        if self.federation().store().has_received(&verified).await? {
            return Ok(());
        }
        let proved = verified.activity();
        // What was proved is read, not the bytes: another reader could see another document.
        let activity = serde_json::from_value::<A>(proved.to_value());
        let activity = activity.map_err(CompatError::NotRead)?;
        if *activity.id() != proved.id || *activity.actor() != proved.actor {
            return Err(CompatError::Misread);
        }
        let application = CompatError::Application;
        activity.verify(data).await.map_err(application)?;
        activity.receive(data).await.map_err(application)?;
        self.federation().apply(verified).await?;
        Ok(())
    }
}
