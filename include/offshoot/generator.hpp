/// `generator<T>`.
#pragma once
