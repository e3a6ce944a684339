--~ path spec/text_spec.lua
describe("text", function()
  local function helper(a) return a + 1 end --~ function helper test local private branch
  it("cuts", function() assert.equal(2, helper(1)) end)
end)
