"""Messages and the chat-template renderer with its loss mask, shared by training, evaluation and serving.

The renderer is imported from `honekit.chat.template`: it loads Jinja and tokenizers, which messages do not need.
"""

from honekit.chat.messages import FunctionCall, Message, Messages, ToolCall, parse_messages

__all__ = ["FunctionCall", "Message", "Messages", "ToolCall", "parse_messages"]
