"""The outbox: plan messages as rows, and render them into frozen bytes. Carrying them out of the house: delivery/."""
