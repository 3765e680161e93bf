"""The seven expressions as the database stores them: FER-2013's order, the same as `ml.labels.LABELS`."""

from django.db import models


class Label(models.IntegerChoices):
    ANGRY = 0, "angry"
    DISGUST = 1, "disgust"
    FEAR = 2, "fear"
    HAPPY = 3, "happy"
    SAD = 4, "sad"
    SURPRISE = 5, "surprise"
    NEUTRAL = 6, "neutral"
