//! Decisions begun, found, listed, changed and removed.

use crate::backend::{self, Chosen};
use crate::room::Decisions;
use crate::{
    Comparison, CriterionChange, Decision, DecisionError, GivenScore, Listed, NewCriterion, NewDecision, NewOption,
    OptionChange,
};
use caller::Identity;
use docket::{Begun, Change, CriterionRow, DocketError, Looking, OptionRow, Room, Which, Whole, Whom, check};
use std::sync::Arc;
use store::{Page, StoreError};

/// How much chance models may use when nobody says.
pub(crate) const TEMPERATURE: f64 = 0.1;
/// A decision that is read counts as used, which is written no more often than this, and no less than ten times in its
/// life.
const TOUCH_MS: i64 = 60_000;

impl Decisions {
    /// Begins a decision. Where the tenant has too many, those used least recently go, but none that is being
    /// evaluated.
    ///
    /// # Errors
    /// [`DecisionError`]: a limit, a name that is there twice, a model that does not exist.
    pub async fn start(&self, who: &Identity, new: NewDecision) -> Result<Decision, DecisionError> {
        let rules = self.rules();
        let topic = check::topic(&rules).fits_and_is_there(&new.topic)?;
        check::options(&rules, &new.options.iter().map(|it| it.name.as_str()).collect::<Vec<_>>())?;
        check::criteria(&rules, &new.criteria.iter().map(|it| it.name.as_str()).collect::<Vec<_>>())?;
        let temperature = check::temperature(new.temperature.unwrap_or(TEMPERATURE))?;
        let mut options = Vec::with_capacity(new.options.len());
        for (id, option) in (1..).zip(&new.options) {
            options.push(OptionRow { id, ..self.option(option)? });
        }
        let chosen = backend::choose(&self.matrix, new.model_backend.as_deref(), new.model_name.as_deref()).await?;
        let mut reasons: Vec<String> = chosen.instead.clone().into_iter().collect();
        let mut criteria = Vec::with_capacity(new.criteria.len());
        for (id, criterion) in (options.len() as i64 + 1..).zip(&new.criteria) {
            let (row, instead) = self.criterion(criterion).await?;
            reasons.extend(instead.filter(|instead| !reasons.contains(instead)));
            let model = row.model.clone().filter(|model| chosen.model.as_ref() != Some(model));
            criteria.push(CriterionRow { id, model, ..row });
        }
        let begun = Begun {
            id: Arc::default(),
            tenant: Arc::clone(&who.tenant),
            topic,
            backend: chosen.backend,
            model: chosen.model,
            temperature,
            degraded: !reasons.is_empty(),
            reasons,
            options,
            criteria,
        };
        self.watchman.timed("start", self.begin(begun)).await
    }

    async fn begin(&self, begun: Begun) -> Result<Decision, DecisionError> {
        let rules = self.rules();
        let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        let room = Room { most: count(rules.sessions_max), batch: count(rules.evict_batch) };
        self.places().meet(&begun.tenant);
        let (whole, gone) = self.docket.begin(begun, room).await?;
        self.count_sessions(1 - i64::try_from(gone).unwrap_or(i64::MAX));
        Ok(whole.decision())
    }

    /// An option that was checked; its id is still to be given.
    fn option(&self, new: &NewOption) -> Result<OptionRow, DecisionError> {
        let rules = self.rules();
        let name = check::option_name(&rules).fits_and_is_there(&new.name)?;
        let description = check::description(&rules).fits(&new.description)?;
        let flags = self.docket.flags(&name, &description);
        Ok(OptionRow { id: 0, name, description, flags })
    }

    /// A criterion that was checked, and why somebody else is asked than was asked for; its id is still to be given.
    async fn criterion(&self, new: &NewCriterion) -> Result<(CriterionRow, Option<String>), DecisionError> {
        let rules = self.rules();
        let name = check::criterion_name(&rules).fits_and_is_there(&new.name)?;
        let description = check::description(&rules).fits(&new.description)?;
        let prompt = new.custom_prompt.as_deref().unwrap_or_default();
        let custom_prompt = Some(check::custom_prompt(&rules).fits(prompt)?).filter(|prompt| !prompt.is_empty());
        let weight = check::weight(new.weight)?;
        let temperature = new.temperature.map(check::temperature).transpose()?;
        let chosen = self.other_model(new.model_backend.as_deref(), new.model_name.as_deref()).await?;
        let (model, instead) = chosen.map_or((None, None), |chosen| (chosen.model, chosen.instead));
        let flags = self.docket.flags(&name, &description);
        Ok((CriterionRow { id: 0, name, description, weight, custom_prompt, model, temperature, flags }, instead))
    }

    /// Whom else to ask, where anybody is named.
    async fn other_model(&self, backend: Option<&str>, name: Option<&str>) -> Result<Option<Chosen>, DecisionError> {
        match (backend, name) {
            (None, None) => Ok(None),
            (backend, name) => backend::choose(&self.matrix, backend, name).await.map(Some),
        }
    }

    /// A decision as it stands.
    ///
    /// # Errors
    /// [`DocketError::UnknownSession`], also for another tenant's.
    pub async fn get(&self, who: &Identity, id: &str) -> Result<Decision, DecisionError> {
        Ok(self.watchman.timed("read", self.whole(who, id)).await?.decision())
    }

    /// A decision with all that belongs to it. It counts as used.
    pub(crate) async fn whole(&self, who: &Identity, id: &str) -> Result<Whole, DecisionError> {
        let whole = self.docket.whole(&self.looking(who, id)).await?;
        let often = TOUCH_MS.min(self.ttl_ms() / 10);
        if whole.now_ms.saturating_sub(whole.head.touched_ms) >= often {
            self.docket.touch(&whole.head.id, whole.now_ms).await?;
        }
        Ok(whole)
    }

    /// How a decision is looked for.
    pub(crate) fn looking(&self, who: &Identity, id: &str) -> Looking {
        Looking::new(&who.tenant, id, self.ttl_ms())
    }

    /// The tenant's decisions, newest first, in pages.
    ///
    /// # Errors
    /// [`DecisionError`]: the cursor is none, or the store fails.
    pub async fn list(
        &self,
        who: &Identity,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<Page<Listed>, DecisionError> {
        let read = async { Ok(self.docket.list(&who.tenant, self.ttl_ms(), limit, cursor).await?) };
        self.watchman.timed("list", read).await
    }

    /// The tenant's decision that was begun last, if it has any.
    ///
    /// # Errors
    /// [`DecisionError`]: the store fails.
    pub async fn current(&self, who: &Identity) -> Result<Option<Decision>, DecisionError> {
        let page = self.list(who, Some(1), None).await?;
        let Some(last) = page.entries.first() else { return Ok(None) };
        match self.get(who, &last.id).await {
            Err(DecisionError::Kept(DocketError::UnknownSession { .. })) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Removes a decision, also one that is being evaluated, which ends that.
    ///
    /// # Errors
    /// [`DocketError::UnknownSession`], [`DocketError::Stale`].
    pub async fn remove(&self, who: &Identity, id: &str, version: Option<i64>) -> Result<(), DecisionError> {
        let removed = async { Ok::<_, DecisionError>(self.docket.remove(self.looking(who, id), version).await?) };
        self.watchman.timed("remove", removed).await?;
        self.count_sessions(-1);
        Ok(())
    }

    /// Removes all of the tenant's decisions; how many there were.
    ///
    /// # Errors
    /// [`DecisionError`]: the store fails.
    pub async fn clear(&self, who: &Identity) -> Result<u64, DecisionError> {
        let which = Which::Tenant(Arc::clone(&who.tenant));
        Ok(self.watchman.timed("clear", self.remove_all(which, u64::MAX)).await?)
    }

    /// Removes up to so many decisions, some at a time; how many went.
    pub(crate) async fn remove_all(&self, which: Which, most: u64) -> Result<u64, StoreError> {
        let mut gone = 0;
        while gone < most {
            match self.docket.remove_some(which.clone()).await? {
                0 => break,
                removed => {
                    self.count_sessions(-i64::try_from(removed).unwrap_or(i64::MAX));
                    gone += removed;
                }
            }
        }
        Ok(gone)
    }

    /// Adds an option; the decision then.
    ///
    /// # Errors
    /// [`DecisionError`]; also while it is being evaluated.
    pub async fn add_option(
        &self,
        who: &Identity,
        id: &str,
        new: NewOption,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        let change = self.option(&new).map(Change::AddOption);
        self.change(who, id, version, change).await
    }

    /// Adds a criterion; the decision then.
    ///
    /// # Errors
    /// As for [`Decisions::add_option`].
    pub async fn add_criterion(
        &self,
        who: &Identity,
        id: &str,
        new: NewCriterion,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        let change = self.criterion(&new).await;
        let change = change.map(|(row, instead)| Change::AddCriterion(Box::new(row), instead));
        self.change(who, id, version, change).await
    }

    /// Changes the option of this name; the decision then.
    ///
    /// # Errors
    /// As for [`Decisions::add_option`].
    pub async fn change_option(
        &self,
        who: &Identity,
        id: &str,
        name: &str,
        change: OptionChange,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        self.change(who, id, version, Ok(Change::SetOption(name.to_owned(), change))).await
    }

    /// Changes the criterion of this name, such as its weight; the decision then.
    ///
    /// # Errors
    /// As for [`Decisions::add_option`].
    pub async fn change_criterion(
        &self,
        who: &Identity,
        id: &str,
        name: &str,
        change: CriterionChange,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        let chosen = self.other_model(change.model_backend.as_deref(), change.model_name.as_deref()).await;
        let whom = |chosen: Chosen| Whom { model: chosen.model, instead: chosen.instead };
        let change = chosen.map(|chosen| Change::SetCriterion(name.to_owned(), Box::new(change), chosen.map(whom)));
        self.change(who, id, version, change).await
    }

    /// Removes the option of this name with its scores; two stay at least. The decision then.
    ///
    /// # Errors
    /// As for [`Decisions::add_option`].
    pub async fn remove_option(
        &self,
        who: &Identity,
        id: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        self.change(who, id, version, Ok(Change::RemoveOption(name.to_owned()))).await
    }

    /// Removes the criterion of this name with its scores. The decision then.
    ///
    /// # Errors
    /// As for [`Decisions::add_option`].
    pub async fn remove_criterion(
        &self,
        who: &Identity,
        id: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        self.change(who, id, version, Ok(Change::RemoveCriterion(name.to_owned()))).await
    }

    /// Writes down scores that the caller gives itself, all or none; the decision then.
    ///
    /// # Errors
    /// As for [`Decisions::add_option`].
    pub async fn score(
        &self,
        who: &Identity,
        id: &str,
        scores: Vec<GivenScore>,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        self.change(who, id, version, Ok(Change::Score(scores))).await
    }

    /// Tells how criteria compare two by two, for weights by AHP as a second opinion, in place of what was told before;
    /// none takes it back. The decision then.
    ///
    /// # Errors
    /// As for [`Decisions::add_option`].
    pub async fn compare(
        &self,
        who: &Identity,
        id: &str,
        comparisons: Vec<Comparison>,
        version: Option<i64>,
    ) -> Result<Decision, DecisionError> {
        self.change(who, id, version, Ok(Change::Compare(comparisons))).await
    }

    /// Writes a change. Whatever else is wrong, a decision that is not there is told first.
    async fn change(
        &self,
        who: &Identity,
        id: &str,
        version: Option<i64>,
        change: Result<Change, DecisionError>,
    ) -> Result<Decision, DecisionError> {
        let looking = self.looking(who, id);
        let change = match change {
            Ok(change) => change,
            Err(error) => {
                self.whole(who, id).await?;
                return Err(error);
            }
        };
        let session = Arc::clone(&looking.id);
        let (running, name, id) = (Arc::clone(&self.running), Arc::clone(&self.name), Arc::clone(&looking.id));
        // This server's own lease counts no more where it evaluates nothing of the decision, which may begin at any time.
        let free: docket::Free = Arc::new(move |owner| *owner == *name && !running.holds(&id));
        let written = self.docket.change(looking, version, free, change, self.rules());
        let changed = self.watchman.timed("change", written).await;
        changed.map_err(|error| self.with_progress(&session, error.into()))
    }
}
