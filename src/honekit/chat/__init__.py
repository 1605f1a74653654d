"""Messages and the chat-template renderer with its loss mask, shared by training, evaluation and serving."""

from honekit.chat.messages import FunctionCall, Message, Messages, ToolCall, parse_messages
from honekit.chat.template import ChatTemplate, TrainingIds

__all__ = [
    "ChatTemplate",
    "FunctionCall",
    "Message",
    "Messages",
    "ToolCall",
    "TrainingIds",
    "parse_messages",
]
