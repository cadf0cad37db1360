-- Before every script that carries many questions. A row that cannot be read fails its own question alone, whose answer
-- is nothing; an error of the server itself (it is read-only, it is full) is one of the whole call.
local function each(questions, answer)
  local answers = {}
  for index, question in ipairs(questions) do
    local fine, given = pcall(answer, question)
    if not fine then
      local text = type(given) == 'table' and given.err or tostring(given)
      local code = string.match(text, '^(%u+) ')
      if code and code ~= 'ERR' and code ~= 'WRONGTYPE' then
        return redis.error_reply(text)
      end
      given = false
    end
    answers[index] = given
  end
  return answers
end

