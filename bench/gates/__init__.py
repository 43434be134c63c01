"""How often gates decide wrongly: Flagger's and Argo Rollouts' fixed thresholds, and parallelrun's judge."""
