"""Figures: legible in print and to the colour-blind, with a unit on every axis and every drift marked."""
