/// `coroutine<Out(In)>`.
#pragma once
