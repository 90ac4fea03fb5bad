"""Onboarding: from the model file of an unknown humanoid to a robot folder that needs no hand edit."""

from understudy.robots.onboarding.pipeline import Onboarded, onboard

__all__ = ["Onboarded", "onboard"]
